export type {
  ClaimVerdictWord,
  GalleryClaim,
  GalleryColumn,
  GalleryFigure,
  GalleryLink,
  GalleryPage,
  GalleryReceipt,
  GalleryTrial,
  RunState,
} from "./gallery-page.ts";
export { GalleryContentError } from "./markup.ts";
export { renderGallery } from "./render-gallery.ts";
