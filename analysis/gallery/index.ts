export type {
  ClaimVerdictWord,
  GalleryClaim,
  GalleryComparison,
  GalleryColumn,
  GalleryEvent,
  GalleryFigure,
  GalleryLink,
  GalleryMarks,
  GalleryPage,
  GalleryProgress,
  GalleryReceipt,
  GalleryTrial,
  RunState,
} from "./gallery-page.ts";
export { GalleryContentError } from "./markup.ts";
export { renderGallery } from "./render-gallery.ts";
export type { Timeline, TimelineBar, TimelineRow, TimelineTone } from "./timeline.ts";
