-- How messages fared by the recipient's carrier, where a callback named it: its
-- parameter Carrier or MccMnc.
WITH told AS MATERIALIZED (
  SELECT twilio_message_sid AS sid, '&' || params || '&' AS p
  FROM webhook_logs
  WHERE created_at >= coalesce(:since, '') AND params IS NOT NULL
    AND (params LIKE '%carrier=%' OR params LIKE '%mccmnc=%')
), named AS (
  SELECT sid, CASE WHEN instr(lower(p), '&carrier=')
      THEN substr(p, instr(lower(p), '&carrier=') + 9)
      ELSE substr(p, instr(lower(p), '&mccmnc=') + 8) END AS rest
  FROM told
), carriers AS MATERIALIZED (
  SELECT sid, max(replace(substr(rest, 1, instr(rest, '&') - 1), '+', ' '))
    AS carrier
  FROM named WHERE instr(rest, '&') > 1
  GROUP BY sid
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
