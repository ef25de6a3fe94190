declare module '*?url' {
	const url: string;
	export default url;
}
declare module '@cornerstonejs/codec-charls/decodewasmjs';
declare module '@cornerstonejs/codec-openjpeg/decodewasmjs';
declare module '@cornerstonejs/codec-openjph';
declare module '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs';
