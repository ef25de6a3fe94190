// The table in a record: what changed on it four times a second becomes what was looked at when, and lines that one may read.
import type { TimelineEvent } from './model';

interface Viewport { at: number; image: { study: string; series: string; instance?: string } | null; frame: number; center: number | null; width: number | null }
interface Changes {
	floor?: { holder: string | null };
	studies?: { pacs: string; study: string; label?: string }[];
	layout?: string;
	viewports?: Viewport[];
	gone?: string[];
	put?: { id: string; kind: string; text?: string }[];
}

/** What lay open at a time. */
export interface TableView {
	at_ms: number;
	/** Of the study; empty: nothing lies there. */
	label: string;
	/** The end of the object's UID: a number that one can compare. */
	image: string;
	window: string;
	panes: number;
	drawings: number;
}

const RESTS_MS = 1_500; // what is passed by while scrolling is no line
const PANES: Record<string, number> = { one: 1, pair: 2, four: 4, mpr: 1 };
const list = <T>(value: T[] | undefined): T[] => (Array.isArray(value) ? value : []);

class Fold {
	readonly views: TableView[] = [];
	readonly lines: TimelineEvent[] = [];
	private readonly studies = new Map<string, string>();
	private readonly viewports = new Map<number, Viewport>();
	private readonly drawings = new Set<string>();
	private holder: string | null = null;
	private panes = 1;
	private resting: TableView | null = null;

	add(event: TimelineEvent): void {
		const detail = (event.detail ?? {}) as Changes, at_ms = event.at_ms, by = event.participant;
		if (detail.studies) this.addStudies(at_ms, by, detail.studies);
		if (detail.floor && detail.floor.holder !== this.holder) {
			this.holder = detail.floor.holder;
			if (this.holder) this.line(at_ms, this.holder, { line: 'floor' });
		}
		this.panes = PANES[detail.layout ?? ''] ?? this.panes;
		for (const v of list(detail.viewports)) this.viewports.set(v.at, v);
		for (const id of list(detail.gone)) this.drawings.delete(id);
		const fresh = list(detail.put).filter((d) => !this.drawings.has(d.id));
		for (const d of fresh) this.drawings.add(d.id);
		if (fresh.length > 0) this.line(at_ms, by, { line: 'drawn', n: fresh.length, text: fresh.map((d) => d.text ?? '').filter(Boolean).join(', ') });
		this.look(at_ms);
	}

	end(): void {
		if (this.resting) this.shown(this.resting);
	}

	private addStudies(at_ms: number, by: string | undefined, studies: NonNullable<Changes['studies']>): void {
		const before = new Set(this.studies.keys());
		this.studies.clear();
		for (const s of studies) {
			this.studies.set(s.study, s.label ?? '');
			if (!before.has(s.study)) this.line(at_ms, by, { line: 'study', label: s.label ?? '' });
		}
	}

	private look(at_ms: number): void {
		const open = [...this.viewports.values()].filter((v) => v.at < this.panes && v.image).sort((a, b) => a.at - b.at)[0];
		const window = open && open.center !== null && open.width !== null ? `W ${Math.round(open.width)} L ${Math.round(open.center)}` : '';
		const image = open?.image?.instance?.slice(-8).split('.').pop() ?? '';
		const view: TableView = {
			at_ms, label: open ? (this.studies.get(open.image?.study ?? '') ?? '') || '-' : '', panes: this.panes, drawings: this.drawings.size, window,
			image: image ? `${image}${open && open.frame > 0 ? `/${open.frame + 1}` : ''}` : '',
		};
		const last = this.views[this.views.length - 1];
		const same = (a: TableView) => a.label === view.label && a.image === view.image && a.window === view.window && a.panes === view.panes;
		if (!last || !same(last) || last.drawings !== view.drawings) this.views.push(view);
		if (this.resting && same(this.resting)) return;
		if (this.resting && at_ms - this.resting.at_ms >= RESTS_MS) this.shown(this.resting);
		this.resting = view;
	}

	private shown(view: TableView): void {
		if (view.label) this.line(view.at_ms, undefined, { line: 'shown', text: viewText(view) });
	}

	private line(at_ms: number, participant: string | undefined, detail: Record<string, unknown>): void {
		this.lines.push({ at_ms, type: 'table', participant, detail });
	}
}

export const viewText = (view: TableView): string => [view.label, view.image && `#${view.image}`, view.window].filter(Boolean).join(' · ');

/** views: each change of what was seen; lines: what one may read, in order. */
export function foldTable(events: TimelineEvent[]): { views: TableView[]; lines: TimelineEvent[] } {
	const fold = new Fold();
	for (const event of [...events].sort((a, b) => a.at_ms - b.at_ms)) if (event.type === 'table') fold.add(event);
	fold.end();
	return { views: fold.views, lines: fold.lines.sort((a, b) => a.at_ms - b.at_ms) };
}

/** What lay open at `at_ms`; null: nothing. */
export function viewAt(views: TableView[], at_ms: number): TableView | null {
	let found: TableView | null = null;
	for (const view of views) {
		if (view.at_ms > at_ms) break;
		found = view;
	}
	return found?.label ? found : null;
}
