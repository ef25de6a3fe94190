// Whose consult a tab is in, what stays of it, and what is said on the way: nobody gets into another's, no camera stays on unseen.
const id = (name) => `[data-testid="${name}"]`;
const LOOKS = [
	{ viewport: 'PHONE', locale: 'zh-CN', colorScheme: 'light' },
	{ viewport: 'PHONE', locale: 'en-US', colorScheme: 'dark' },
	{ viewport: 'DESK', locale: 'zh-CN', colorScheme: 'dark' },
	{ viewport: 'DESK', locale: 'en-US', colorScheme: 'light' },
];
const nameOf = (look) => `${look.viewport.toLowerCase()}-${look.locale.slice(0, 2)}-${look.colorScheme}`;
const focused = (page) => page.evaluate(() => document.activeElement?.tagName);
async function goIn(page) {
	await page.click(id('join-button'));
	await page.click(id('enter-button'));
	await page.waitForSelector(id('call'));
}
/** What went wrong or is asked is said where screen readers hear it. */
export async function saidPage(kit) {
	for (const look of LOOKS) await waitingAnswer(kit, look);
	const consult = kit.mock.open('said', '会诊');
	consult.picture = true;
	const page = await kit.page(kit.PHONE);
	await page.goto(`${kit.mock.url}/join#token=${kit.makeToken({ sub: 'e1', name: '陈教授', role: 'expert', consult: 'said' })}`);
	await goIn(page);
	const status = () => page.evaluate(() => document.querySelector('[data-testid="mix-offer-status"]')?.textContent);
	kit.check('said: the place of the question is there before it', (await status()) === '');
	consult.tell(consult.people()[0], 'mix.offer', {});
	await page.evaluate(() => window.huizhen.consult.mixed.picture(false));
	await page.waitForSelector(`${id('mix-offer-status')} ${id('mix-offer')}`);
	await kit.look(page, 'mix-offer-phone-zh-light');
	await page.goto(`${kit.mock.url}/j/nosuchcode`);
	await page.waitForSelector(id('problem'));
	kit.check('said: what is wrong with a link has the focus', (await focused(page)) === 'H1');
	await page.click(id('language-switch'));
	await kit.frames(page);
	kit.check('said: the language changes, and the focus stays on its button', (await focused(page)) === 'BUTTON');
	await page.close2();
	consult.close();
}

async function waitingAnswer(kit, look) {
	const name = nameOf(look);
	const key = `answer-${name}`;
	const consult = kit.mock.open(key, '远程会诊');
	Object.assign(consult, { wish: 'automatic', record: 'on', deaf: true });
	const page = await kit.page(kit[look.viewport], look);
	await page.goto(`${kit.mock.url}/j/${kit.mock.link(key, 'patient', '王小明').code}`);
	await page.click(id('join-button'));
	await page.click(id('consent-yes'));
	await page.click(id('enter-button'));
	await page.click(id('consent-withdraw'));
	const text = look.locale === 'zh-CN' ? '未能保存' : 'could not be saved';
	await kit.comes(`said ${name}: an answer that is lost in the waiting room is told`, () => page.locator(`${id('waiting-notice')}[role="alert"]`).textContent(), (said) => said.includes(text));
	await kit.look(page, `waiting-answer-${name}`);
	await page.close2();
	consult.close();
}
