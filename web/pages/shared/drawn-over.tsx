// Drawings over a moving picture, in a tile of a call or of a replay. It lies over the video element beside it, follows its size and
// the shape of what is sent, and takes no touch.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Point } from '../../imaging/geometry';
import { Overlay, shapeOf } from '../../imaging/overlay';
import { t } from '../i18n';
import { pictureBox, toTile, type PictureBox, type PictureDrawing } from './over-video';
import '../styles/drawn.css';

export interface PicturePointer {
	from: string;
	name: string;
	at: Point;
}

/** The picture of the video beside `ref`; null: there is none now. */
export function usePictureBox(ref: { current: HTMLElement | null }, which = 'video'): PictureBox | null {
	const [box, setBox] = useState<PictureBox | null>(null), [video, setVideo] = useState<HTMLVideoElement | null>(null);
	useEffect(() => setVideo(ref.current?.parentElement?.querySelector<HTMLVideoElement>(which) ?? null)); // another part, another track
	useEffect(() => {
		if (!video) return setBox(null);
		const look = () => {
			const at = video.getBoundingClientRect(), tile = (ref.current?.parentElement ?? video).getBoundingClientRect(), style = getComputedStyle(video);
			const element = { x: at.left - tile.left, y: at.top - tile.top, width: at.width, height: at.height };
			setBox(pictureBox(element, { width: video.videoWidth, height: video.videoHeight }, style.objectFit, video.classList.contains('mirrored')));
		};
		const watch = new ResizeObserver(look), names = ['loadedmetadata', 'resize', 'emptied'];
		watch.observe(video);
		for (const name of names) video.addEventListener(name, look);
		look();
		return () => {
			watch.disconnect();
			for (const name of names) video.removeEventListener(name, look);
		};
	}, [video]);
	return box;
}

const shapeOn = (drawing: PictureDrawing, box: PictureBox) => {
	const shape = shapeOf(drawing, (p) => toTile(box, p));
	return drawing.unit === 'pct' ? { ...shape, caption: `${shape.caption} · ${t('drawNoScale')}` } : shape;
};

interface Props {
	drawings: readonly PictureDrawing[];
	pointers?: readonly PicturePointer[];
	/** Of the video elements in the tile. */
	which?: string;
}

export function DrawnOver({ drawings, pointers = [], which }: Props) {
	const ref = useRef<HTMLDivElement>(null), box = usePictureBox(ref, which), tile = ref.current?.parentElement;
	const pane = { width: tile?.clientWidth ?? 0, height: tile?.clientHeight ?? 0 };
	return (
		<div class="drawn-over" ref={ref} data-testid="drawn-over" data-drawings={drawings.length}>
			{box && <Overlay shapes={drawings.map((d) => shapeOn(d, box))} pointers={pointers.map((p) => ({ ...p, place: toTile(box, p.at) }))} pane={pane} />}
		</div>
	);
}
