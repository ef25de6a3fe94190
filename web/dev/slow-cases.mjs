// A phone that is slow to paint, and answers that come late: nothing that happens meanwhile may be missed.
const id = (name) => `[data-testid="${name}"]`;
const PAINT_MS = 1500;

/** The first picture of anything comes late, as do its effects (Preact takes 35 ms without a picture for "there is none"). */
function slowToPaint(ms) {
	const later = window.setTimeout.bind(window);
	window.requestAnimationFrame = (fn) => later(() => fn(performance.now()), ms);
	window.cancelAnimationFrame = (timer) => clearTimeout(timer);
	window.setTimeout = (fn, wait, ...rest) => later(fn, wait === 35 ? ms : wait, ...rest);
}
/** Nothing is asked again by itself: what is shown is what somebody made the page ask for. */
function withoutPolls() {
	window.setInterval = () => 0;
}

export async function slowPage(kit) {
	await lateAnswer(kit);
	await latePaint(kit);
}

/** A list that was asked for before something changed is answered after it. */
async function lateAnswer(kit) {
	const consult = kit.mock.open('late', '迟到的会诊');
	const page = await kit.page(kit.DESK);
	await page.addInitScript(withoutPolls);
	const held = kit.mock.hold(/\/consults\/late\/links$/);
	await page.goto(`${kit.mock.url}/console#token=${kit.makeToken({ sub: 'admin', name: '李护士长', role: 'admin' })}`);
	await page.click(`${id('consult-item')}[data-consult="${consult.id}"]`);
	await held.asked;
	await page.fill(id('link-name'), '赵先生');
	await page.click(id('link-make'));
	await page.waitForSelector(id('link-qr'));
	held.release();
	await kit.comes('console: a list asked for before a link was made does not hide it', () => page.locator(id('link-item')).count(), (n) => n === 1);
	await page.close2();
	consult.close();
}

async function latePaint(kit) {
	const consult = kit.mock.open('paint', '慢的会诊');
	const page = await kit.page(kit.DESK);
	await page.addInitScript(slowToPaint, PAINT_MS);
	await page.goto(`${kit.mock.url}/console`);
	await page.waitForSelector(id('sign-in'));
	await page.evaluate((token) => (location.hash = `token=${token}`), kit.makeToken({ sub: 'admin', name: '李护士长', role: 'admin' }));
	await kit.comes('console: a link opened while the page is painted signs in', () => page.locator(id('consult-item')).count(), (n) => n > 0);
	await page.goto(`${kit.mock.url}/join#token=${kit.makeToken({ sub: 'e1', name: '李医生', role: 'expert', consult: 'paint' })}`);
	await page.click(id('join-button'));
	await page.click(id('enter-button'));
	await page.waitForSelector(id('call'));
	consult.add({ sub: 'w1', name: '孙女士', role: 'patient' }); // rings
	consult.push();
	await kit.comes('call: who rings while it is painted is heard', () => page.locator(id('bell')).or(page.locator(id('lobby-item'))).count(), (n) => n > 0);
	await page.close2();
	consult.close();
}
