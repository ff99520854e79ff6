-- How messages fared by the recipient's carrier, where a callback named it: its
-- parameter Carrier or MccMnc.  Escapes of printable ASCII are decoded; of
-- others the hexadecimal digits become capitals, so that one name stays one.
WITH RECURSIVE told AS MATERIALIZED (
  SELECT twilio_message_sid AS sid, '&' || params || '&' AS p
  FROM webhook_logs
  WHERE created_at >= coalesce(:since, '') AND params IS NOT NULL
    AND (params LIKE '%carrier=%' OR params LIKE '%mccmnc=%')
), named AS (
  SELECT sid, CASE WHEN instr(lower(p), '&carrier=')
      THEN substr(p, instr(lower(p), '&carrier=') + 9)
      ELSE substr(p, instr(lower(p), '&mccmnc=') + 8) END AS rest
  FROM told
), raw AS MATERIALIZED (
  SELECT sid, replace(substr(rest, 1, instr(rest, '&') - 1), '+', ' ') AS name
  FROM named WHERE instr(rest, '&') > 1
), steps (name, done, rest) AS (
  SELECT DISTINCT name, '', name FROM raw
  UNION ALL
  SELECT name, done || CASE
      WHEN upper(substr(rest, 1, 3)) GLOB '%[2-7][0-9A-F]'
        AND upper(substr(rest, 1, 3)) <> '%7F' THEN char(
          (instr('0123456789ABCDEF', substr(rest, 2, 1)) - 1) * 16 +
          instr('0123456789ABCDEF', upper(substr(rest, 3, 1))) - 1)
      WHEN substr(rest, 1, 3) GLOB '%[0-9A-Fa-f][0-9A-Fa-f]'
        THEN upper(substr(rest, 1, 3))
      ELSE substr(rest, 1, 1) END,
    substr(rest,
      iif(substr(rest, 1, 3) GLOB '%[0-9A-Fa-f][0-9A-Fa-f]', 4, 2))
  FROM steps WHERE rest <> ''
), carriers AS MATERIALIZED (
  SELECT raw.sid, max(steps.done) AS carrier
  FROM raw JOIN steps ON steps.name = raw.name AND steps.rest = ''
  GROUP BY raw.sid
)
SELECT c.carrier, count(*) AS messages,
  sum(status IN ('delivered', 'read')) AS delivered,
  sum(status IN ('failed', 'undelivered')) AS failed,
  round(100.0 * sum(status IN ('delivered', 'read')) / nullif(
    sum(status IN ('delivered', 'read', 'failed', 'undelivered')), 0), 2)
    AS delivery_rate
FROM carriers AS c JOIN messages AS m ON m.twilio_message_sid = c.sid
WHERE m.direction <> 'inbound'
  AND created_at >= coalesce(:since, '') AND created_at < coalesce(:until, '~')
GROUP BY c.carrier
ORDER BY messages DESC, c.carrier;
