#ifndef AWS_IDENTITY_H
#define AWS_IDENTITY_H

/* Whose credentials a deployment uses, and how they are got: found once, when the configuration is
 * read, from litellm_params, the environment and the shared files, in the order of LiteLLM and,
 * where that leaves it to boto3, of botocore. Nothing is fetched here: aws/flow.h does that. Pure.
 *
 * The order (docs/aws.md is for people): litellm_params (token and role, role, profile, keys), the
 * environment's keys; the profile's role, the environment's or the profile's web identity, the
 * profile's SSO, keys of the credentials file, credential_process, keys of the config file; the
 * container's endpoint; the instance's metadata. The first that is set up is it: it does not give
 * way to a later one when it fails. */

#include "aws/endpoint.h"
#include "aws/shared.h"
#include "wire/sigv4.h"

enum aws_identity_kind {
    AWS_NOBODY,       /* `tried` says where credentials were looked for */
    AWS_KEYS,         /* `keys`, for good */
    AWS_ROLE,         /* AssumeRole, signed by `source` */
    AWS_WEB_IDENTITY, /* AssumeRoleWithWebIdentity */
    AWS_SSO,          /* GetRoleCredentials with a token of `aws sso login` */
    AWS_PROCESS,      /* what a command prints */
    AWS_CONTAINER,    /* ECS tasks, EKS Pod Identity */
    AWS_INSTANCE      /* EC2 instance metadata */
};

/* The texts that an identity is made of; which, depends on its kind. Empty: not given. */
enum aws_text {
    AWS_STS_URL, /* of roles and web identities, without a last slash */
    AWS_STS_REGION,
    AWS_ROLE_ARN,
    AWS_SESSION_NAME,
    AWS_EXTERNAL_ID,
    AWS_DURATION,     /* seconds */
    AWS_SESSION_TAGS, /* "&Tags.member.1.Key=…", ready to send */
    AWS_TOKEN,        /* of a web identity: itself … */
    AWS_TOKEN_FILE,   /* … or where it is read anew each time */
    AWS_SSO_URL,
    AWS_SSO_OIDC_URL,
    AWS_SSO_REGION,
    AWS_SSO_START_URL,
    AWS_SSO_SESSION, /* empty: the legacy form without one */
    AWS_SSO_ACCOUNT,
    AWS_SSO_ROLE,
    AWS_SSO_FOLDER, /* of the token cache */
    AWS_COMMAND,
    AWS_URL, /* of a container's or an instance's endpoint */
    AWS_AUTHORIZATION,
    AWS_AUTHORIZATION_FILE, /* wins over the text */
    AWS_TEXTS
};

struct aws_identity {
    enum aws_identity_kind kind;
    const char *name;  /* for people: "environment", "profile cline"; no secret, no ARN */
    const char *tried; /* sources before it that are not set up, for people; may be "" */
    struct aws_credentials keys;
    struct slice text[AWS_TEXTS];
    const struct aws_identity *source;
    struct slice key;    /* of a copy: equal where the credentials are; a hash, no secret */
    bool searched;       /* the shared files were asked: it is of a profile, or of what follows */
    bool may_be_own;     /* the role may be the source's own, which is not assumed again */
    bool no_v1;          /* of an instance: version 2 of its metadata service only */
    unsigned timeout_ms; /* of one call to an instance's metadata service … */
    unsigned attempts;   /* … and how often each is made */
};

enum aws_param {
    AWS_PARAM_ACCESS_KEY_ID,
    AWS_PARAM_SECRET_ACCESS_KEY,
    AWS_PARAM_SESSION_TOKEN,
    AWS_PARAM_PROFILE_NAME,
    AWS_PARAM_ROLE_NAME,
    AWS_PARAM_SESSION_NAME,
    AWS_PARAM_EXTERNAL_ID,
    AWS_PARAM_WEB_IDENTITY_TOKEN,
    AWS_PARAM_STS_ENDPOINT,
    AWS_PARAMS
};

extern const char *const aws_param_names[AWS_PARAMS]; /* "aws_access_key_id", … */

/* Where to look. Environment variables that are set but empty count as not set. */
struct aws_search {
    const char *(*env)(const void *ctx, const char *name); /* NULL: not set */
    const void *ctx;
    const struct aws_shared *shared;
    struct slice region; /* the deployment's: of STS where nothing else says */
    struct slice params[AWS_PARAMS];
    struct slice tags; /* see AWS_SESSION_TAGS */
    struct arena *arena;
};

/* What is set up wrongly. */
struct aws_fault {
    const char *text;     /* for people, no secret; NULL: nothing */
    enum aws_param param; /* the parameter at fault; AWS_PARAMS: none */
    bool unnamed;         /* it is of a profile "default" that nobody named */
};

/* Lives as long as the arena, and as the texts it was found in. With a fault: AWS_NOBODY. */
const struct aws_identity *aws_identity_find(const struct aws_search *s, struct aws_fault *fault);

/* The profile that counts: of litellm_params, of the environment, or "default". */
struct slice aws_search_profile(const struct aws_search *s);

/* What the environment, and then the profile, says about endpoints. */
struct aws_endpoint_style aws_search_style(const struct aws_search *s);
/* The URL set for a service ("BEDROCK_RUNTIME", as in AWS_ENDPOINT_URL_…), or empty. */
struct slice aws_search_endpoint(const struct aws_search *s, const char *service);

/* A copy with all it points to, and with its key. */
const struct aws_identity *aws_identity_copy(const struct aws_identity *id, struct arena *a);

#endif
