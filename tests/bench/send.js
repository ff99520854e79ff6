// Sends messages with Twilio's own library for Node: one long-lived process,
// 8 requests at a time on kept connections.
//
//	node send.js count first-number
const twilio = require('twilio');

// The library knows only https hosts of twilio.com: its client is asked to go
// to TWILIO_API_URL instead, and is otherwise used as it comes.
class Client extends twilio.RequestClient {
	request(opts) {
		opts.uri = opts.uri.replace('https://api.twilio.com',
			process.env.TWILIO_API_URL);
		return super.request(opts);
	}
}

const agent = { keepAlive: true };
if (process.env.TWILIO_CA_BUNDLE)
	agent.ca = require('fs').readFileSync(process.env.TWILIO_CA_BUNDLE);
const client = twilio(process.env.TWILIO_ACCOUNT_SID,
	process.env.TWILIO_AUTH_TOKEN, { httpClient: new Client(agent) });
let next = Number(process.argv[3]);
const end = next + Number(process.argv[2]);

async function send() {
	while (next < end)
		await client.messages.create({
			to: '+' + next++,
			from: process.env.TWILIO_PHONE_NUMBER,
			body: 'Doors open at 7.',
			statusCallback: process.env.WEBHOOK_BASE_URL +
				'/api/webhooks/twilio',
		});
}

Promise.all(Array.from({ length: 8 }, send)).catch((e) => {
	console.error(String(e));
	process.exit(1);
});
