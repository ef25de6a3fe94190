// Where the tiles of one level lie in its pixel matrix (PS3.3 C.7.6.17.3), and which of them are in a part of it. Not larger in memory than
// the archive's list of places; looked up by cells of a tile's size.

export interface Tile {
	/** Of its object, from 0. */
	frame: number;
	/** Of its first pixel in the matrix, from 0. */
	x: number;
	y: number;
	/** Another one claims the same place: nobody knows what is there. */
	bad?: true;
}

/** Of a matrix, in its pixels: from, and up to but not including. */
export interface Box {
	x0: number;
	y0: number;
	x1: number;
	y1: number;
}

export interface Tiles {
	width: number;
	height: number;
	/** Frames without a place in the matrix, or that are not there. */
	lost: number;
	/** Cells that a part of the matrix touches: how many, and their name. */
	cells: (box: Box) => { count: number; name: string };
	/** Those that touch a part of the matrix. */
	within: (box: Box) => Tile[];
}

export class Grid {
	readonly across: number;
	readonly down: number;
	missing = 0;
	private readonly known = new Map<number, Tile>();

	constructor(
		private readonly columns: number,
		private readonly rows: number,
		private readonly width: number,
		private readonly height: number,
	) {
		this.across = Math.ceil(columns / width);
		this.down = Math.ceil(rows / height);
	}

	/** A tile by its place. In a cell of a tile's size no two can begin without lying over each other. */
	put(tile: Tile): void {
		const { x, y } = tile, cx = Math.floor(x / this.width), cy = Math.floor(y / this.height);
		if (!(x >= 0 && y >= 0 && x < this.columns && y < this.rows)) return void this.missing++;
		let over = false;
		for (let j = cy - 1; j <= cy + 1; j++)
			for (let i = cx - 1; i <= cx + 1; i++) {
				const other = i < 0 || j < 0 || i >= this.across ? undefined : this.known.get(j * this.across + i);
				if (!other || Math.abs(other.x - x) >= this.width || Math.abs(other.y - y) >= this.height) continue;
				other.bad = true;
				over = true;
			}
		if (over) this.missing++;
		if (!this.known.has(cy * this.across + cx)) this.known.set(cy * this.across + cx, over ? { ...tile, bad: true } : tile);
	}

	full(): Tiles {
		return this.tiles(0, (i, j) => ({ frame: j * this.across + i, x: i * this.width, y: j * this.height }));
	}

	/** One that begins in the cell before reaches into the next. */
	sparse(): Tiles {
		return this.tiles(1, (i, j) => this.known.get(j * this.across + i));
	}

	private tiles(reach: 0 | 1, at: (i: number, j: number) => Tile | undefined): Tiles {
		const { width, height, across, down } = this;
		const range = ({ x0, y0, x1, y1 }: Box) => ({
			i0: Math.max(0, Math.floor(x0 / width) - reach), j0: Math.max(0, Math.floor(y0 / height) - reach),
			i1: Math.min(across - 1, Math.ceil(x1 / width) - 1), j1: Math.min(down - 1, Math.ceil(y1 / height) - 1),
		});
		const within = (box: Box): Tile[] => {
			const { i0, j0, i1, j1 } = range(box), out: Tile[] = [];
			for (let j = j0; j <= j1; j++)
				for (let i = i0; i <= i1; i++) {
					const tile = at(i, j);
					if (tile && tile.x < box.x1 && tile.y < box.y1 && tile.x + width > box.x0 && tile.y + height > box.y0) out.push(tile);
				}
			return out;
		};
		const cells = (box: Box) => {
			const { i0, j0, i1, j1 } = range(box);
			return { count: Math.max(0, i1 - i0 + 1) * Math.max(0, j1 - j0 + 1), name: [i0, j0, i1, j1].join() };
		};
		return { width, height, lost: this.missing, cells, within };
	}
}
