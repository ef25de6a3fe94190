// Plain-language help for the browser at hand.
import type { BrowserName, DeviceProblem } from '../../sdk/src';
import type { MessageKey } from '../i18n';

const HELP: Record<BrowserName, MessageKey> = {
	'wechat-android': 'help_wechat_android',
	'wechat-ios': 'help_wechat_ios',
	'safari-ios': 'help_safari_ios',
	'chrome-ios': 'help_chrome_ios',
	'chrome-android': 'help_chrome_android',
	'firefox-android': 'help_firefox_android',
	firefox: 'help_firefox',
	safari: 'help_safari',
	chrome: 'help_chrome',
	edge: 'help_chrome',
	other: 'help_chrome',
};

/** How to allow devices in this browser. Null when permission is not what is missing. */
export function helpFor(browser: BrowserName, problems: (DeviceProblem | null)[]): MessageKey | null {
	return problems.some((p) => p === 'denied') ? HELP[browser] : null;
}

/** WeChat's browser without cameras: another browser helps. */
export function otherBrowserHelps(browser: BrowserName, problems: (DeviceProblem | null)[]): boolean {
	return browser.startsWith('wechat') && problems.some((p) => p === 'unsupported');
}
