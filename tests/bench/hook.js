// What a user would write instead of sms-hook: express, Twilio's own library
// and better-sqlite3, every callback durable before it is answered.
//
//	node hook.js database url
//
// Prints the port it listens on.
const express = require('express');
const twilio = require('twilio');
const db = require('better-sqlite3')(process.argv[2], { timeout: 10000 });
const url = process.argv[3];
const token = process.env.TWILIO_AUTH_TOKEN;

db.pragma('journal_mode = WAL');
db.pragma('synchronous = FULL');
const update = db.prepare(`UPDATE messages SET status = :status,
	error_code = coalesce(:code, error_code), updated_at = :now
	WHERE twilio_message_sid = :sid
	AND (SELECT rank FROM ladder WHERE status = :status) >
		(SELECT rank FROM ladder WHERE status = messages.status)`);
const insert = db.prepare(`INSERT INTO webhook_logs (created_at,
	twilio_message_sid, params, status, outcome, answer)
	VALUES (:now, :sid, :params, 'success', :outcome, 200)`);
const take = db.transaction((p) => {
	const now = new Date().toISOString(), sid = p.MessageSid;
	const moved = update.run({ sid, now, status: p.MessageStatus,
		code: p.ErrorCode ?? null }).changes;
	insert.run({ now, sid, params: JSON.stringify(p),
		outcome: moved ? 'applied' : 'stale' });
});

const app = express();
app.use(express.urlencoded({ extended: false }));
app.post(new URL(url).pathname, (req, res) => {
	const signature = req.get('X-Twilio-Signature') ?? '';
	if (!twilio.validateRequest(token, signature, url, req.body))
		return res.sendStatus(401);
	take.immediate(req.body);
	res.sendStatus(200);
});
const server = app.listen(0, '127.0.0.1', () =>
	console.log(server.address().port));
