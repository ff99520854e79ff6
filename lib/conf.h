/*
 * conf: the environment of a tool, read and checked; sms(7) ENVIRONMENT lists
 * the variables.
 *
 * conf_load() fills what is unset from the configuration file; after that the
 * environment is the configuration.  All that is wrong dies with BAD_SETUP
 * and names the variable or file.
 */
#ifndef CONF_H
#define CONF_H

/*
 * SMS_CONF, else $XDG_CONFIG_HOME/smspipe/env (~/.config), else
 * /etc/smspipe/env: lines KEY=VALUE, "#" comments; a value may stand in
 * quotes and nothing in it is expanded.  A file that holds a secret must
 * belong to us or root and be unreadable for others.
 */
void conf_load(void);

/* The value, or NULL when unset or empty. */
const char *conf(const char *name);

/* The value; dies when there is none. */
const char *conf_need(const char *name);

/*
 * A secret: NAME, or the contents of the file named by NAME_FILE.  NULL when
 * neither is set.  Blanks and line ends behind it do not count; one of nothing
 * else is wrong.  The caller frees it.
 */
char *conf_secret(const char *name);

/*
 * The same for tokens, separated by blanks or commas; none between separators
 * is wrong, too: anybody could sign with an empty key.
 */
char *conf_tokens(const char *name);

/*
 * Checks all tokens whose NAME begins with prefix, and reads the files of
 * those that have one; later, when a stranger may name one and no file may be
 * opened any more, conf_secret has them and does not die.
 */
void conf_read_tokens(const char *prefix);

/* The path of the database; the caller frees it. */
char *conf_db(void);

/*
 * The path of the spool: SMS_SPOOL, else beside the database.  The caller
 * frees it.
 */
char *conf_spool(void);

/*
 * The public URL of status callbacks: TWILIO_STATUS_CALLBACK, or the first of
 * WEBHOOK_BASE_URL, NEXT_PUBLIC_SITE_URL, NEXT_PUBLIC_APP_URL, VERCEL_URL and
 * "/api/webhooks/twilio".  NULL when none is set.  The caller frees it.
 */
char *conf_callback_url(void);
extern const char conf_callback_path[];  /* what is put behind them */

/*
 * The sender where none is named: TWILIO_MESSAGING_SERVICE_SID, else
 * TWILIO_PHONE_NUMBER; dies when neither is set.
 */
const char *conf_sender(void);

/*
 * Scheme and authority of the API, without a slash at the end: TWILIO_API_URL,
 * else api.twilio.com with edge and region, which are labels of a host name.
 * The caller frees it.
 */
char *conf_api_url(void);

/*
 * True if signatures are not to be checked: only in SMS_ENV=development and
 * test; dies where that is asked for in any other environment.
 */
int conf_skip_signature(void);

#endif
