-- An error as Twilio's API tells it.
SELECT json_object('code', :code, 'message', :message,
	'more_info', 'https://www.twilio.com/docs/errors/' || :code,
	'status', :status);
