// The lower third at the desk: what it would say, whether viewers see it, and what it said before.
import { useState } from 'preact/hooks';
import type { Broadcast, Consult } from '../../sdk/src';
import { t } from '../i18n';

const LIST = 'desk-third-past';

export function ThirdBar({ consult, desk, onNotice }: { consult: Consult; desk: Broadcast; onNotice: (text: string) => void }) {
	const [draft, setDraft] = useState(desk.text);
	const shown = desk.text_shown !== false && desk.text !== '';
	const say = (text: string, on: boolean) => void consult.broadcast.third(text, on).catch(() => onNotice(t('actionFailed')));
	const show = (ev: Event) => {
		ev.preventDefault();
		const text = draft.trim();
		if (text) say(text, true);
	};
	return (
		<form class="third-bar" onSubmit={show}>
			<label class="sr" for="desk-third">{t('deskThird')}</label>
			<input
				id="desk-third" type="text" list={LIST} maxLength={80} value={draft} placeholder={t('deskThird')} autocomplete="off"
				data-testid="desk-third" onInput={(ev) => setDraft(ev.currentTarget.value)}
			/>
			<datalist id={LIST}>
				{(desk.past ?? []).map((text) => <option key={text} value={text} />)}
			</datalist>
			<button type="submit" disabled={!draft.trim() || (shown && draft.trim() === desk.text)} data-testid="desk-third-show">{t('deskThirdShow')}</button>
			<button type="button" disabled={!shown} data-testid="desk-third-hide" onClick={() => say(desk.text, false)}>{t('deskThirdHide')}</button>
			<span class={`third-now${shown ? ' on' : ''}`} data-testid="desk-third-now" data-shown={shown}>
				{shown ? desk.text : t('deskThirdOff')}
			</span>
		</form>
	);
}
