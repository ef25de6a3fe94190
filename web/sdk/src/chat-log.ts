// The chat as this side has seen it; the gateway repeats the newest messages after a join.
import type { ChatPush } from './protocol';

const MAX = 500;

export class ChatLog {
	private readonly messages: ChatPush[] = [];

	get all(): readonly ChatPush[] {
		return this.messages;
	}

	/** False when it was known. */
	add(message: ChatPush): boolean {
		if (this.messages.some((m) => m.id === message.id)) return false;
		this.messages.push(message);
		if (this.messages.length > MAX) this.messages.shift();
		return true;
	}

	clear(): void {
		this.messages.length = 0;
	}
}
