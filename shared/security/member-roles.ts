// What a certificate of the site says of its holder. Apart from the tokens, whose schemas every instance's worker would load.
export const MEMBER_ROLES = ['rover', 'host', 'operator'] as const;
export type MemberRole = (typeof MEMBER_ROLES)[number];
