/** The clipboard where the browser has one (HTTPS), else the old way through the selected field. */
export async function copyText(text: string, field: HTMLInputElement | null): Promise<boolean> {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		field?.select();
		return field !== null && document.execCommand('copy');
	}
}
