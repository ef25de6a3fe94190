// /reading/{consult}#token=…&series=STUDY/SERIES[,STUDY/SERIES]: the viewer on a screen of its own. The token and the
// images are named behind '#', which no server sees. The viewer comes in a chunk of its own.
const hash = new URLSearchParams(location.hash.slice(1));
const consult = decodeURIComponent(location.pathname.split('/')[2] ?? '');
const series = (hash.get('series') ?? '').split(',').map((s) => s.split('/')).filter((s) => s.length === 2);

void import('./index').then((imaging) => {
	const root = document.getElementById('app');
	(globalThis as { huizhenImaging?: typeof imaging }).huizhenImaging = imaging;
	void root;
	void consult;
	void series;
});
