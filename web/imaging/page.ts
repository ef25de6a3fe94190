// /reading/{consult}#token=…&series=STUDY/SERIES[,STUDY/SERIES][&pacs=NAME]: the viewer on a screen of its own. The token and the
// images are named behind '#', which no server sees. The viewer comes in a chunk of its own.
const hash = new URLSearchParams(location.hash.slice(1));
const consult = decodeURIComponent(location.pathname.split('/')[2] ?? '');
const pacs = hash.get('pacs') ?? 'main';
const series = (hash.get('series') ?? '').split(',').map((s) => s.split('/')).filter((s) => s.length === 2);

void import('./index').then((imaging) => {
	const root = document.getElementById('app');
	(globalThis as { huizhenImaging?: typeof imaging }).huizhenImaging = imaging;
	if (!root || series.length === 0) return;
	imaging.openViewer(root, {
		language: navigator.language.startsWith('zh') ? 'zh' : 'en',
		token: () => hash.get('token') ?? '',
		cpu: hash.get('render') === 'cpu',
		series: series.map(([study = '', uid = '']) => ({
			image: { pacs, study, series: uid },
			url: `/api/v1/consults/${encodeURIComponent(consult)}/studies/${encodeURIComponent(pacs)}/${study}/series/${uid}`,
		})),
	});
});
