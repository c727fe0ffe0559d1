// The server's administration. The admin key is held in this module's memory and goes nowhere but into the
// Authorization header: not into storage, cookies, or addresses. A reload forgets it.

const BASE = new URL("../api/v1/", document.baseURI);

let key = null;

/** An answer that is not what was asked for; `code` is the server's, or `unreachable`. */
export class ApiError extends Error {
  constructor(code, { detail = "", retryAfterMs = null } = {}) {
    super(detail || code);
    this.code = code;
    this.detail = detail;
    this.retryAfterMs = retryAfterMs;
  }
}

async function send(withKey, method, path, { body, signal } = {}) {
  const headers = { "X-PrivMsg-Client": "console" };
  if (withKey) headers.Authorization = `Bearer ${withKey}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(new URL(path, BASE), {
      method, headers, signal,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError("unreachable");
  }
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new ApiError(answer.code ?? `http_${response.status}`,
    { detail: answer.detail, retryAfterMs: answer.retry_after_ms ?? null });
}

const request = (method, path, options) => send(key, method, path, options);
const user = (userId) => `admin/users/${encodeURIComponent(userId)}`;

/** Tries a key, and keeps it if it is right. */
export async function signIn(candidate) {
  // What no header can hold is no key.
  if (/[^\x20-\x7e]/.test(candidate)) throw new ApiError("admin_key_invalid");
  await send(candidate, "GET", "admin/stats");
  key = candidate;
}

export function signOut() {
  key = null;
}

export const isSignedIn = () => key !== null;

/** Where clients reach this server, if its configuration does not say. */
const serverUrl = () => new URL("..", document.baseURI).href.replace(/\/$/, "");

export const api = {
  health: (options) => send(null, "GET", "../../health", options),
  stats: (options) => request("GET", "admin/stats", options),
  history: (hours, options) => request("GET", `admin/stats/history?hours=${hours}`, options),
  users: (options) => request("GET", "admin/users", options),
  user: (userId, options) => request("GET", user(userId), options),
  createUser: (userId) => request("POST", "admin/users", { body: userId ? { user_id: userId } : {} }),
  deactivate: (userId) => request("POST", `${user(userId)}/deactivate`),
  reactivate: (userId) => request("POST", `${user(userId)}/reactivate`),
  resetKey: (userId, signOutDevices) =>
    request("POST", `${user(userId)}/reset-key`, { body: { sign_out_devices: signOutDevices } }),
  invite: (userId, hours) =>
    request("POST", `${user(userId)}/invitation`, { body: { expires_in_hours: hours, server_url: serverUrl() } }),
  withdraw: (userId) => request("DELETE", `${user(userId)}/invitation`),
  signOutDevice: (userId, deviceId) =>
    request("DELETE", `${user(userId)}/devices/${encodeURIComponent(deviceId)}`),
  deleteUser: (userId) => request("DELETE", user(userId)),
  audit: (before, options) => request("GET", `admin/audit?limit=50${before ? `&before=${before}` : ""}`, options),
  doctor: (options) => request("GET", "admin/doctor", options),
};
