import type { FigureMarks } from "../mark-links.ts";
import type { Timeline } from "./timeline.ts";

/** What a gallery page shows: plain data, so that the same page is made from a finished run, a live one or a test. */

export type RunState = "complete" | "running" | "incomplete" | "failed";
export type ClaimVerdictWord = "holds" | "fails" | "cannot tell";

export interface GalleryLink {
  readonly label: string;
  /** Relative to the page, an anchor, or http(s). */
  readonly href: string;
  readonly bytes?: number;
}

export interface GalleryFigure {
  readonly name: string;
  readonly title?: string;
  readonly caption: string;
  readonly estimator: string;
  /** Drawn for a light screen, without fonts: the page has them. */
  readonly svg: string;
  /** Drawn for a dark one. @default the light one, on a light ground */
  readonly svgDark?: string;
  readonly downloads: readonly GalleryLink[];
  readonly warnings?: readonly string[];
  /** What it was drawn without: planned trials, and of files the lines or points. */
  readonly missing?: readonly string[];
  /** What stands behind its marks. @default marks only say their values */
  readonly marks?: GalleryMarks;
}

/** By the link of a mark (`row-3`, `line-0`): which trials it rests on, and the row that it shows. */
export interface GalleryMarks {
  /** Each a list of trials' ids. */
  readonly sets: readonly (readonly string[])[];
  readonly marks: FigureMarks["marks"];
}

export interface GalleryClaim {
  readonly statement: string;
  /** As published, with its source. */
  readonly paper: string;
  /** Ours, with its interval. */
  readonly measured: string;
  readonly verdict: ClaimVerdictWord;
  /** What it would take to tell, where nothing can be told. */
  readonly wouldTake?: string;
}

/** One point by one metric: B against A. */
export interface GalleryComparison {
  readonly point: string;
  readonly metric: string;
  /** With its interval: `+5 % (+4.8 % to +5.2 %)`. */
  readonly change: string;
  readonly verdict: "different" | "same" | "cannot tell";
  /** The verdict in a sentence. */
  readonly note: string;
}

export interface GalleryColumn {
  readonly key: string;
  readonly label: string;
  /** Aligned to the right, sorted by size. @default false */
  readonly isNumber?: boolean;
  /** Gets a choice of its values over the table, where they are few. @default false */
  readonly isFilter?: boolean;
}

export interface GalleryTrial {
  /** Unique on the page: an anchor leads to it. */
  readonly id: string;
  /** What it is called. @default its id */
  readonly label?: string;
  readonly outcome: "valid" | "invalid" | "failed" | "running" | "planned";
  /** By column key; what is absent stays empty. */
  readonly cells: Readonly<Record<string, string | number | boolean>>;
  /** The trial's own page or folder. */
  readonly href?: string;
  readonly note?: string;
}

export interface GalleryReceipt {
  readonly isClosed: boolean;
  readonly lines: readonly { readonly label: string; readonly value: string }[];
  readonly note?: string;
}

export interface GalleryEvent {
  /** ISO 8601. */
  readonly at: string;
  readonly kind: string;
  readonly text: string;
}

/** How far a run is that still goes on. */
export interface GalleryProgress {
  readonly done: number;
  readonly total: number;
  /** What goes on now: `2 of 3 lanes busy, about 5 min left`. */
  readonly note: string;
}

export interface GalleryPage {
  readonly title: string;
  readonly experiment: string;
  readonly runId: string;
  readonly question?: string;
  readonly state: RunState;
  readonly facts: readonly { readonly label: string; readonly value: string }[];
  readonly figures: readonly GalleryFigure[];
  /** Figures that couldn't be drawn. @default none */
  readonly undrawn?: readonly { readonly name: string; readonly reason: string }[];
  readonly claims: readonly GalleryClaim[];
  /** Where sweeps compare. */
  readonly comparisons?: readonly GalleryComparison[];
  readonly trials: { readonly columns: readonly GalleryColumn[]; readonly rows: readonly GalleryTrial[] };
  readonly files: readonly GalleryLink[];
  readonly receipt?: GalleryReceipt;
  readonly progress?: GalleryProgress;
  readonly timeline?: Timeline;
  /** The feed, oldest first. */
  readonly events?: readonly GalleryEvent[];
  /** A page above this one. */
  readonly up?: GalleryLink;
  /** See `DocumentParts`. */
  readonly fontsHref?: string;
  readonly refreshSec?: number;
  /** ISO 8601; given, so that the same page has the same bytes. */
  readonly generatedAt: string;
}
