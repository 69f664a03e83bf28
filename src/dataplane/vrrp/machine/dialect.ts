/**
 * Where implementations of VRRP differ, as data. The machine reads this table and nothing else
 * asks who implements the protocol.
 */

/** One way to be a VRRP router. */
export interface Dialect {
  readonly name: string;
  /** The owner of the addresses (priority 255) is master from its start on (RFC 5798 §6.4.1). */
  readonly ownerStartsAsMaster: boolean;
  /** Any advert of its virtual router, valid or not, makes a master wait anew before its next. */
  readonly anyAdvertRearmsMaster: boolean;
  /** A master answers an advert of lower rank with its own at once (RFC 9568 §6.4.3). */
  readonly answersLowerRank: boolean;
  /** And tells the neighbours its addresses again. */
  readonly announcesAfterLowerRank: boolean;
  /** Adverts with other addresses than one's own are discarded. */
  readonly rejectsOtherAddresses: boolean;
  /** Version 2 adverts are authenticated (removed by RFC 3768 §5.3.6). */
  readonly authenticates: boolean;
  /** An owner that hears another one gives up owning. */
  readonly ownersDispute: boolean;
  /** Adverts of priority 0 that a master sends when something it tracks has failed. */
  readonly goodbyesOnFault: number;
  /** How often an address is announced, and again after a delay: as configured, or just once. */
  readonly announcesOnce: boolean;
}

const RFC: Dialect = {
  name: 'RFC 5798',
  ownerStartsAsMaster: true,
  anyAdvertRearmsMaster: false,
  answersLowerRank: false,
  announcesAfterLowerRank: false,
  rejectsOtherAddresses: false,
  authenticates: false,
  ownersDispute: false,
  goodbyesOnFault: 1,
  announcesOnce: true,
};

/** keepalived up to 2.2.7 (vrrp.c, vrrp_scheduler.c). */
const KEEPALIVED_2_2_7: Dialect = {
  name: 'keepalived 2.2.7',
  ownerStartsAsMaster: false,
  anyAdvertRearmsMaster: true,
  answersLowerRank: true,
  announcesAfterLowerRank: true,
  rejectsOtherAddresses: true,
  authenticates: true,
  ownersDispute: true,
  goodbyesOnFault: 2,
  announcesOnce: false,
};

export const DIALECTS = {
  rfc3768: { ...RFC, name: 'RFC 3768' },
  rfc5798: RFC,
  rfc9568: { ...RFC, name: 'RFC 9568', answersLowerRank: true },
  'keepalived-2.2.7': KEEPALIVED_2_2_7,
  /** Later versions take adverts whose addresses differ. */
  'keepalived-2.2.8': {
    ...KEEPALIVED_2_2_7,
    name: 'keepalived 2.2.8',
    rejectsOtherAddresses: false,
  },
} as const satisfies Readonly<Record<string, Dialect>>;

export type DialectName = keyof typeof DIALECTS;
