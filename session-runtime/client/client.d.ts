/** How this browser stands. `unknown` until the first answer; `offline` while the session routes do not answer; `login_required` when a handler asked for a more recent login (`max_age`). */
export type State = 'unknown' | 'in' | 'out' | 'offline' | 'login_required';
/** What led to a state: `start` is the page's load, `refresh` a new token, `unavailable` an outage; `login` and `logout` may have happened in another tab. */
export type Reason = 'start' | 'login' | 'logout' | 'refresh' | 'unavailable' | 'session_ended' | 'session_unknown' | 'login_required';
/** State, claims and reason, as one object that is replaced at every change and never altered. */
export type Snapshot<Claims> = {
    readonly reason: Reason;
} & ({
    readonly state: 'in' | 'login_required';
    readonly claims: Claims;
} | {
    readonly state: 'offline';
    readonly claims: Claims | null;
} | {
    readonly state: 'unknown' | 'out';
    readonly claims: null;
});
/** What the application's login and the refresh route answer (RFC 6749, section 5.1). */
export interface TokenResponse {
    access_token: string;
    /** The lifetime in seconds, counted from the moment of receipt; without it, the token's own `exp - iat`. */
    expires_in?: number;
    token_type?: string;
}
/**
 * - `out`: there is no session.
 * - `offline`: the session routes do not answer, and no token is valid any more.
 * - `other_session`: another login took this session's place in the meantime.
 * - `cookies_blocked`: the browser did not store the session cookies.
 * - `configuration`: an option is missing.
 * - `disposed`: `dispose()` was called, or there is no browser here, as where a server renders.
 */
export type SessionErrorCode = 'out' | 'offline' | 'other_session' | 'cookies_blocked' | 'configuration' | 'disposed';
/** What `token`, `fetch`, `adopt` and `logout` reject with; every other error is the network's own. */
export declare class SessionError extends Error {
    readonly code: SessionErrorCode;
    readonly name = "SessionError";
    constructor(code: SessionErrorCode);
}
/** Nothing is needed where the server serves this module beside the session routes. */
export interface SessionOptions {
    /** Where the session routes are, such as `/auth`; without it, the folder this module came from. */
    base?: string;
    /** The session marker's full name, such as `__Host-my-app`; without it, the name the server wrote into the module. */
    cookie?: string;
    /** `false` on an origin that cannot read the marker: the page asks the server once at load, and compares `sid` instead. */
    marker?: boolean;
    /** Origins, besides the page's own, that get the token, such as `https://api.example.com`. */
    origins?: readonly string[];
}
export interface Session<Claims> {
    /** How this browser stands, as of the last event. */
    readonly state: State;
    /** The claims of the latest token, without the registered ones but with `sub`; `null` while there is none. */
    readonly claims: Claims | null;
    /** State and claims together; the same object until something changes. */
    snapshot(): Snapshot<Claims>;
    /** Calls back after every change, not at once; returns the function that stops it. */
    subscribe(callback: (snapshot: Snapshot<Claims>) => void): () => void;
    /** A valid access token, refreshed when needed; rejects with `out`, `offline`, `other_session` or `disposed`. */
    token(): Promise<string>;
    /**
     * `fetch` with the token, for the own and the listed origins; without a session, or with an `Authorization` of the
     * caller's, a plain one. A 401 that refuses the token makes one refresh and one repeat; where that fails, the 401 is
     * the answer. Where CORS hides why a 401 was given, only GET and HEAD are repeated. Rejects with `offline` rather than to
     * send a signed-in user's request without a token, and as soon as the caller's `signal` says so.
     */
    fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
    /**
     * Takes what the application's own login answered, and gives it back: a `Response` that is not ok, or an answer without a
     * token, as it is, for the caller to show. Rejects with `cookies_blocked` or `other_session`.
     */
    adopt<Answer extends Response | TokenResponse>(answer: Answer): Promise<Answer>;
    /**
     * Signs out here and in all tabs at once, then tells the server. Resolves even if the server is not reached, since
     * without the marker the cookies are worthless; with `marker: false` it rejects with `offline` then.
     */
    logout(): Promise<void>;
    /**
     * For clients that do not go through `fetch`: given the `WWW-Authenticate` of a 401 and the token that it refuses,
     * the token to repeat the request with, once, or `null` if the answer is to be passed on.
     */
    challenged(wwwAuthenticate: string | null | undefined, refused: string): Promise<string | null>;
    /** Ends timers, listeners, the channel and a refresh in flight; the session itself stays, and a reload finds it. */
    dispose(): void;
}
/** Starts the session of this page; one per page is enough. */
export declare function createSession<Claims extends object = Record<string, unknown>>(options?: SessionOptions): Session<Claims>;
