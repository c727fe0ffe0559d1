// Figures and findings that a young server cannot have yet, for charts that show something. They are given to the page in
// place of the server's answers, to the requests whose address has the text that they are for.

const HOUR = 3600;

/** A history as the API gives it for this address: people who sleep at night, and an hour in which the server was off. */
function history(address) {
  const hours = Number(address.searchParams.get("hours"));
  const interval = hours <= 48 ? 300 : hours <= 400 ? HOUR : 2 * HOUR;
  const now = Math.floor(Date.now() / 1000);
  const points = [];
  for (let at = Math.ceil((now - hours * HOUR) / interval) * interval; at <= now; at += interval) {
    const share = (at - now + hours * HOUR) / (hours * HOUR);
    if (share > 0.46 && share < 0.5) continue;
    const awake = Math.sin((at / HOUR % 24 - 8) / 24 * 2 * Math.PI) + 1.15;
    const restless = Math.abs(Math.sin(at / 5000)) + Math.abs(Math.sin(at / 1700)) / 2;
    points.push({
      at, online_users: Math.round(awake * 9 + restless * 3), pending_messages: Math.round(40 / awake), stored_files: 37,
      storage_used_mb: 1300 + 120 * share + 4 * restless, messages: Math.round(awake * restless * interval / 24),
    });
  }
  return { interval_seconds: interval, points };
}

/** What the server's own examination may find. */
const DOCTOR = {
  status: "fail",
  checks: [
    { id: "config", status: "pass", summary: { en: "The configuration is valid.", ru: "Конфигурация верна." } },
    {
      id: "tls", status: "warn",
      summary: { en: "The certificate ends in 9 days.", ru: "Сертификат действует ещё 9 дней." },
      advice: { en: "Renew it, or let the server do so.", ru: "Обновите его или поручите это серверу." },
    },
    {
      id: "turn", status: "fail", summary: { en: "No relay answers.", ru: "Ретранслятор не отвечает." },
      advice: { en: "Start coturn.", ru: "Запустите coturn." },
    },
  ],
};

const people = (count) => Array.from({ length: count }, (_, index) => ({
  user_id: `user${index}`, display_name: null, active: true, online: false, devices: 0, created_at: 0, last_seen_at: null,
  stored_bytes: 0, pending_messages: 0,
}));

const INVENTED = {
  "admin/stats/history?": history,
  "admin/doctor": () => DOCTOR,
  "admin/users": () => ({ users: people(22) }),
};

globalThis.asked ??= globalThis.fetch;

/** From now on these are invented, and nothing else is. */
function invent(...parts) {
  globalThis.fetch = async (address, options) => {
    const part = parts.find((known) => String(address).includes(known));
    return part ? Response.json(INVENTED[part](new URL(address))) : globalThis.asked(address, options);
  };
}
