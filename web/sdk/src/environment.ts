// What browser this is, as far as help texts and a few workarounds need to know.
export type BrowserName =
	| 'wechat-android' | 'wechat-ios' | 'safari-ios' | 'chrome-ios' | 'chrome-android' | 'firefox-android'
	| 'chrome' | 'edge' | 'firefox' | 'safari' | 'other';

export interface Environment {
	browser: BrowserName;
	ios: boolean;
	mobile: boolean;
	/** The browser has everything a consult needs. */
	supported: boolean;
}

export function browserOf(ua: string, touchPoints = 0): BrowserName {
	const ios = /iPhone|iPad|iPod/.test(ua) || (/Macintosh/.test(ua) && touchPoints > 1);
	const android = /Android/.test(ua);
	if (/MicroMessenger/i.test(ua)) return ios ? 'wechat-ios' : android ? 'wechat-android' : 'chrome';
	if (ios) return /CriOS|FxiOS|EdgiOS/.test(ua) ? 'chrome-ios' : 'safari-ios';
	if (/Firefox\//.test(ua)) return android ? 'firefox-android' : 'firefox';
	if (android) return 'chrome-android';
	if (/Edg\//.test(ua)) return 'edge';
	if (/Chrome\/|Chromium\//.test(ua)) return 'chrome';
	if (/Safari\//.test(ua)) return 'safari';
	return 'other';
}

export function environment(): Environment {
	const nav = typeof navigator === 'undefined' ? undefined : navigator;
	const browser = browserOf(nav?.userAgent ?? '', nav?.maxTouchPoints ?? 0);
	const ios = browser === 'wechat-ios' || browser === 'safari-ios' || browser === 'chrome-ios';
	const mobile = ios || browser.endsWith('-android');
	const supported =
		typeof RTCPeerConnection === 'function' &&
		typeof WebSocket === 'function' &&
		typeof RTCRtpSender === 'function' &&
		'replaceTrack' in RTCRtpSender.prototype &&
		'addTransceiver' in RTCPeerConnection.prototype;
	return { browser, ios, mobile, supported };
}
