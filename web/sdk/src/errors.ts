// Errors of the SDK: `code` is the protocol's number (docs/PROTOCOL.md "Errors"), or 0 for what happened on this side.
export const ErrorCode = {
	notJoined: -32000,
	refused: -32001,
	notAllowed: -32002,
	notAdmitted: -32003,
	notFound: -32004,
	limit: -32005,
	sdp: -32006,
	rate: -32007,
	conflict: -32008,
	noFloor: -32009,
	gateway: -32099,
} as const;

export class HuizhenError extends Error {
	constructor(
		message: string,
		readonly code = 0,
		readonly data: Record<string, unknown> = {},
	) {
		super(message);
		this.name = 'HuizhenError';
	}
}

/** The socket closed before the answer came. The request may or may not have been carried out. */
export class DisconnectedError extends HuizhenError {
	constructor() {
		super('the connection to the gateway was lost');
		this.name = 'DisconnectedError';
	}
}

/** Errors that are over in a second: too fast, not admitted yet, no answer, the gateway failed. */
export function isPassing(code: number): boolean {
	return code === 0 || code === ErrorCode.rate || code === ErrorCode.gateway || code === ErrorCode.notAdmitted;
}
