// How viewers of a broadcast may take part, what they see without a picture, and the tables for later.
import { useState } from 'preact/hooks';
import type { AudienceInfo, AudienceSettings as Settings, Consult } from '../../sdk/src';
import { t } from '../i18n';
import { tokenOf } from '../shared/enter';
import { exportCsv, uploadPoster } from './desk-files';
import { TargetsSettings } from './targets-settings';

interface SettingsProps {
	consult: Consult;
	settings: AudienceInfo;
	onNotice: (text: string) => void;
}

const CHAT = ['off', 'moderated', 'open'] as const;
const SLOW = [0, 5, 10, 30, 60, 300];

/** For <input type="datetime-local">, which knows no time zone. */
function localTime(ms: number): string {
	if (!ms) return '';
	const date = new Date(ms);
	return new Date(ms - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export function AudienceSettings({ consult, settings, onNotice }: SettingsProps) {
	const token = tokenOf(consult);
	const attempt = (job: Promise<unknown>, failed: string = t('actionFailed')) => void job.catch(() => onNotice(failed));
	const set = (part: Settings) => attempt(consult.broadcast.audience.set(part));
	return (
		<>
			<h3>{t('deskSettings')}</h3>
			<label class="desk-check">
				<input
					type="checkbox" checked={settings.questions} data-testid="desk-questions"
					onChange={(ev) => set({ questions: ev.currentTarget.checked })}
				/>
				{t('deskTakeQuestions')}
			</label>
			<label class="desk-field">
				{t('deskChat')}
				<select value={settings.chat} data-testid="desk-chat" onChange={(ev) => set({ chat: CHAT.find((c) => c === ev.currentTarget.value) ?? 'off' })}>
					{CHAT.map((c) => <option key={c} value={c}>{t(`deskChat_${c}`)}</option>)}
				</select>
			</label>
			<label class="desk-field">
				{t('deskSlow')}
				<select value={settings.slow_s} onChange={(ev) => set({ slow_s: Number(ev.currentTarget.value) })}>
					{[...new Set([...SLOW, settings.slow_s])].sort((a, b) => a - b).map((s) => (
						<option key={s} value={s}>{s ? t('deskSeconds', { count: s }) : t('deskSlowOff')}</option>
					))}
				</select>
			</label>
			<label class="desk-check">
				<input type="checkbox" checked={settings.count} onChange={(ev) => set({ count: ev.currentTarget.checked })} />
				{t('deskShowCount')}
			</label>
			<label class="desk-field">
				{t('deskStarts')}
				<input
					type="datetime-local" value={localTime(settings.starts_ms)} data-testid="desk-starts"
					onChange={(ev) => set({ starts_ms: ev.currentTarget.value ? new Date(ev.currentTarget.value).getTime() : 0 })}
				/>
			</label>
			<PosterText text={settings.poster} onSave={(poster) => set({ poster })} />
			{token && (
				<div class="desk-field">
					<label>
						{t('deskPosterImage')}
						<input
							type="file" accept="image/png,image/jpeg" data-testid="desk-poster-file"
							onChange={(ev) => {
								const file = ev.currentTarget.files?.[0];
								if (file) attempt(uploadPoster(token, consult.id, file), t('deskPosterBad'));
							}}
						/>
					</label>
					{settings.image && (
						<button type="button" data-testid="desk-poster-remove" onClick={() => attempt(uploadPoster(token, consult.id, null))}>
							{t('deskPosterRemove')}
						</button>
					)}
				</div>
			)}
			{token && <TargetsSettings consult={consult} token={token} onNotice={onNotice} />}
			{token && (
				<>
					<h3>{t('deskExport')}</h3>
					<div class="desk-actions">
						<button type="button" data-testid="desk-export-messages" onClick={() => attempt(exportCsv(token, consult.id, 'messages'))}>
							{t('deskExportMessages')}
						</button>
						<button type="button" data-testid="desk-export-trail" onClick={() => attempt(exportCsv(token, consult.id, 'events'))}>
							{t('deskExportTrail')}
						</button>
					</div>
				</>
			)}
		</>
	);
}

function PosterText({ text, onSave }: { text: string; onSave: (text: string) => void }) {
	const [draft, setDraft] = useState(text);
	return (
		<form
			class="desk-field"
			onSubmit={(ev) => {
				ev.preventDefault();
				onSave(draft.trim());
			}}
		>
			<label>
				{t('deskPosterText')}
				<input type="text" value={draft} maxLength={80} data-testid="desk-poster-text" onInput={(ev) => setDraft(ev.currentTarget.value)} />
			</label>
			<button type="submit" disabled={draft.trim() === text} data-testid="desk-poster-save">{t('deskSave')}</button>
		</form>
	);
}
