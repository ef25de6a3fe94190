// A QR code as one SVG path: dark on light in every theme, because phones expect it so.
import qrcode from 'qrcode-generator';

const QUIET = 3;

export function qrPath(text: string): { size: number; path: string } {
	const code = qrcode(0, 'M');
	code.addData(text);
	code.make();
	const count = code.getModuleCount();
	let path = '';
	for (let row = 0; row < count; row++) {
		for (let column = 0; column < count; column++) {
			if (code.isDark(row, column)) path += `M${column + QUIET} ${row + QUIET}h1v1h-1z`;
		}
	}
	return { size: count + 2 * QUIET, path };
}

export function QrCode({ text, label }: { text: string; label: string }) {
	const { size, path } = qrPath(text);
	return (
		<svg class="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} data-testid="link-qr" shape-rendering="crispEdges">
			<rect class="qr-paper" width={size} height={size} />
			<path class="qr-ink" d={path} />
		</svg>
	);
}
