-- How many messages there are of each status.
SELECT status, n FROM message_counts WHERE n > 0;
