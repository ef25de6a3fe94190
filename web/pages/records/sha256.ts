// SHA-256 (FIPS 180-4), piece by piece: WebCrypto wants a file as a whole, and is not there on pages without HTTPS.
const K = new Int32Array(64);
const START = new Int32Array(8);

// Fractions of the cube and square roots of the first 64 and 8 primes (4.2.2, 5.3.3), in integers: doubles are too short.
function root(n: number, power: 2n | 3n): number {
	const wanted = BigInt(n) << (32n * power);
	let low = 0n;
	let high = 1n << 40n;
	while (low < high) {
		const middle = (low + high + 1n) >> 1n;
		if (middle ** power <= wanted) low = middle;
		else high = middle - 1n;
	}
	return Number(low & 0xffffffffn);
}
for (let n = 2, i = 0; i < 64; n++) {
	let prime = true;
	for (let d = 2; d * d <= n; d++) prime &&= n % d !== 0;
	if (!prime) continue;
	K[i] = root(n, 3n);
	if (i < 8) START[i] = root(n, 2n);
	i++;
}

export class Sha256 {
	private readonly h = START.slice();
	private readonly w = new Int32Array(64);
	private readonly rest = new Uint8Array(64);
	private filled = 0;
	private bytes = 0;

	update(data: Uint8Array): this {
		this.bytes += data.length;
		let at = 0;
		if (this.filled > 0) {
			at = Math.min(64 - this.filled, data.length);
			this.rest.set(data.subarray(0, at), this.filled);
			this.filled += at;
			if (this.filled < 64) return this;
			this.block(this.rest, 0);
			this.filled = 0;
		}
		for (; at + 64 <= data.length; at += 64) this.block(data, at);
		this.rest.set(data.subarray(at));
		this.filled = data.length - at;
		return this;
	}

	/** Hex; once. */
	digest(): string {
		const bits = this.bytes * 8;
		const end = new Uint8Array((this.filled < 56 ? 64 : 128) - this.filled);
		end[0] = 0x80;
		const view = new DataView(end.buffer);
		view.setUint32(end.length - 8, Math.floor(bits / 2 ** 32));
		view.setUint32(end.length - 4, bits >>> 0);
		this.update(end);
		return Array.from(this.h, (v) => (v >>> 0).toString(16).padStart(8, '0')).join('');
	}

	private block(data: Uint8Array, at: number): void {
		const { w, h } = this;
		for (let i = 0; i < 16; i++, at += 4)
			w[i] = ((data[at] as number) << 24) | ((data[at + 1] as number) << 16) | ((data[at + 2] as number) << 8) | (data[at + 3] as number);
		for (let i = 16; i < 64; i++) {
			const x = w[i - 15] as number;
			const y = w[i - 2] as number;
			const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
			const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
			w[i] = ((w[i - 16] as number) + s0 + (w[i - 7] as number) + s1) | 0;
		}
		let a = h[0] as number;
		let b = h[1] as number;
		let c = h[2] as number;
		let d = h[3] as number;
		let e = h[4] as number;
		let f = h[5] as number;
		let g = h[6] as number;
		let k = h[7] as number;
		for (let i = 0; i < 64; i++) {
			const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
			const t1 = (k + s1 + ((e & f) ^ (~e & g)) + (K[i] as number) + (w[i] as number)) | 0;
			const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
			const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
			k = g;
			g = f;
			f = e;
			e = (d + t1) | 0;
			d = c;
			c = b;
			b = a;
			a = (t1 + t2) | 0;
		}
		h[0] = (h[0] as number) + a;
		h[1] = (h[1] as number) + b;
		h[2] = (h[2] as number) + c;
		h[3] = (h[3] as number) + d;
		h[4] = (h[4] as number) + e;
		h[5] = (h[5] as number) + f;
		h[6] = (h[6] as number) + g;
		h[7] = (h[7] as number) + k;
	}
}

export const sha256 = (text: string): string => new Sha256().update(new TextEncoder().encode(text)).digest();
