-- What became of each message that was to be taken back, as outcome records.
SELECT u.sid, CASE WHEN u.newer THEN 'newer' ELSE 'undone' END, u.old,
  m.status, NULL, u.ref
FROM undoing AS u LEFT JOIN messages AS m ON m.id = u.id
ORDER BY u.id;
