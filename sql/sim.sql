-- What sms-sim remembers.  Times are milliseconds since 1970 UTC by the
-- simulator's clock, which is the real one plus an offset.
--
-- The life of a message is planned when it is made: "step" holds every status
-- it will ever have and when.  What is true now is the last step that is not
-- in the future, so moving the clock needs no other change.

CREATE TABLE IF NOT EXISTS clock (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	offset_ms INTEGER NOT NULL
);
INSERT OR IGNORE INTO clock VALUES (1, 0);

CREATE VIEW IF NOT EXISTS now AS
SELECT CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)
	+ offset_ms AS ms
FROM clock;

CREATE TABLE IF NOT EXISTS error (
	code INTEGER PRIMARY KEY,
	message TEXT NOT NULL
);
INSERT OR IGNORE INTO error VALUES
	(30001, 'Queue overflow'),
	(30002, 'Account suspended'),
	(30003, 'Unreachable destination handset'),
	(30004, 'Message blocked'),
	(30005, 'Unknown destination handset'),
	(30006, 'Landline or unreachable carrier'),
	(30007, 'Message filtered'),
	(30008, 'Unknown error'),
	(30036, 'Validity Period Expired');

CREATE TABLE IF NOT EXISTS message (
	id INTEGER PRIMARY KEY,
	sid TEXT NOT NULL UNIQUE,
	account_sid TEXT NOT NULL,
	to_number TEXT NOT NULL,
	from_number TEXT NOT NULL,
	from_given INTEGER NOT NULL,      -- 0: the service chooses it
	messaging_service_sid TEXT,
	body TEXT NOT NULL,
	num_media INTEGER NOT NULL,
	num_segments INTEGER NOT NULL,
	status_callback TEXT,             -- as given, with its fragment
	created_ms INTEGER NOT NULL,
	touched_ms INTEGER NOT NULL,      -- made, redacted or canceled
	sent_ms INTEGER,                  -- when it will be sent; NULL: never
	list_ms INTEGER NOT NULL          -- its place in lists: sent_ms, else
	                                  -- created_ms
);
CREATE INDEX IF NOT EXISTS message_listed ON message (list_ms, to_number);

CREATE TABLE IF NOT EXISTS step (
	sid TEXT NOT NULL REFERENCES message (sid) ON DELETE CASCADE,
	n INTEGER NOT NULL,               -- from 1
	at_ms INTEGER NOT NULL,           -- grows with n
	status TEXT NOT NULL,
	error_code INTEGER,
	PRIMARY KEY (sid, n)
) WITHOUT ROWID;

-- Posted in the order of due_ms, id.
CREATE TABLE IF NOT EXISTS callback (
	id INTEGER PRIMARY KEY,
	sid TEXT NOT NULL REFERENCES message (sid) ON DELETE CASCADE,
	n INTEGER NOT NULL,               -- the step that it tells
	status TEXT NOT NULL,
	error_code INTEGER,
	due_ms INTEGER NOT NULL,
	token TEXT NOT NULL,              -- I-Twilio-Idempotency-Token
	dropped INTEGER NOT NULL,         -- 1: lost, never posted
	posted_ms INTEGER,                -- when its answer had come
	http_status INTEGER,              -- of that answer; 0: there was none
	tries INTEGER
);
CREATE INDEX IF NOT EXISTS callback_sid ON callback (sid);
CREATE INDEX IF NOT EXISTS callback_due ON callback (due_ms)
	WHERE posted_ms IS NULL AND dropped = 0;

-- Every request to the API (those to /sim/ are not counted).
CREATE TABLE IF NOT EXISTS request (
	id INTEGER PRIMARY KEY,
	at_ms INTEGER NOT NULL,
	method TEXT NOT NULL,
	path TEXT NOT NULL,
	query TEXT,
	http_status INTEGER,              -- NULL: reset without an answer
	fault TEXT                        -- the one that was played on it
);

-- How often the same was asked; a part of what the dice are thrown with.
CREATE TABLE IF NOT EXISTS seen (
	what TEXT PRIMARY KEY,
	n INTEGER NOT NULL DEFAULT 1
) WITHOUT ROWID;

CREATE VIEW IF NOT EXISTS present AS
SELECT m.*, s.n, s.status, s.at_ms, s.error_code, e.message AS error_message
FROM message m
JOIN step s ON s.sid = m.sid AND s.n = (
	SELECT max(n) FROM step
	WHERE sid = m.sid AND at_ms <= (SELECT ms FROM now))
LEFT JOIN error e ON e.code = s.error_code;

CREATE VIEW IF NOT EXISTS truth AS
SELECT sid, to_number, body, status, error_code, error_message, from_number,
	created_ms, at_ms
FROM present;
