-- What stands around the messages of a page, but for its last brace.
SELECT rtrim(json_object(
	'uri', :uri,
	'first_page_uri', :first,
	'next_page_uri', :next,
	'previous_page_uri', NULL,
	'page', :page,
	'page_size', :size,
	'start', :page * :size,
	'end', :page * :size + max(:count - 1, 0)), '}');
