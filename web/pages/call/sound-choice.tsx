// How the others are heard: a stream from each or one mixed sound, with an interpreter or without; and what an interpreter speaks.
import type { Consult } from '../../sdk/src';
import { language, t, type MessageKey } from '../i18n';

/** What an interpreter may choose from, in both languages of the pages: browsers do not know all of their names. */
const NAMES: Record<string, [zh: string, en: string]> = {
	zh: ['汉语', 'Chinese'], yue: ['粤语', 'Cantonese'], bo: ['藏语', 'Tibetan'], ug: ['维吾尔语', 'Uyghur'], mn: ['蒙古语', 'Mongolian'],
	kk: ['哈萨克语', 'Kazakh'], ko: ['朝鲜语', 'Korean'], en: ['英语', 'English'], ru: ['俄语', 'Russian'], ja: ['日语', 'Japanese'],
	fr: ['法语', 'French'], es: ['西班牙语', 'Spanish'], ar: ['阿拉伯语', 'Arabic'],
};
const LANGUAGES = Object.keys(NAMES);

function nameOf(tag: string): string {
	const known = NAMES[tag];
	if (known) return known[language() === 'en' ? 1 : 0];
	try {
		return new Intl.DisplayNames([language()], { type: 'language' }).of(tag) ?? tag;
	} catch {
		return tag; // no tag of BCP 47, or an old browser
	}
}

export function SoundChoice({ consult }: { consult: Consult }) {
	const { mixed } = consult;
	if (!mixed.available) return null;
	return (
		<>
			<label class="checkbox">
				<input type="checkbox" checked={mixed.on} data-testid="mixed-sound" onChange={(ev) => mixed.set(ev.currentTarget.checked)} />
				<span>{t('mixedSound')}</span>
			</label>
			{(mixed.languages.length > 0 || mixed.language !== null) && (
				<Languages
					name="interpretation" none="interpretationNone" value={mixed.language}
					list={[...new Set([...mixed.languages, ...(mixed.language === null ? [] : [mixed.language])])]}
					onChange={(tag) => mixed.set(mixed.on || tag !== null, tag)}
				/>
			)}
			{consult.me.role === 'interpreter' && (
				<Languages
					name="interpretInto" none="interpretIntoNone" value={mixed.interprets} list={LANGUAGES}
					onChange={(tag) => mixed.interpret(tag)}
				/>
			)}
		</>
	);
}

interface LanguagesProps {
	name: MessageKey;
	none: MessageKey;
	list: string[];
	value: string | null;
	onChange: (tag: string | null) => void;
}

function Languages({ name, none, list, value, onChange }: LanguagesProps) {
	return (
		<label class="field">
			<span>{t(name)}</span>
			<select value={value ?? ''} data-testid={name} onChange={(ev) => onChange(ev.currentTarget.value || null)}>
				<option value="">{t(none)}</option>
				{list.map((tag) => (
					<option key={tag} value={tag}>
						{nameOf(tag)}
					</option>
				))}
			</select>
		</label>
	);
}
