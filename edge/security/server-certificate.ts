// The certificate of a running site, renewed before it ends by the site's own CA, or by hand in another shell: what is connected stays so,
// whoever connects next is shown the new one.
import { join } from 'node:path';
import type { Clock } from '../../shared/ports/clock.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import { certificateLife } from '../../shared/security/certificate-life.ts';
import { readSiteFile } from '../../shared/security/private-file.ts';
import { renewServer, SITE_FILES, type SiteSecurity } from './site-folder.ts';

/** `outrider site renew --dir` in another shell is noticed after so long at most [s]. */
const LOOK_SEC = 5;
/** How often a certificate that nobody renews is complained of [s]. */
const COMPLAIN_SEC = 3600;

export interface KeepServerOptions {
  /** Its `tls.cert` is replaced in place: who holds `tls` shows the new certificate with the next connection. */
  readonly security: SiteSecurity;
  /** Real time. */
  readonly clock: Clock;
  readonly logger: Logger;
  /** Listeners are told here. */
  readonly renewed: () => void;
  readonly now?: () => Date;
}

/** Looks after the certificate for as long as the site runs; returns the way to end that. */
export function keepServerCertificate(options: KeepServerOptions): () => void {
  const { security, clock, logger, renewed, now = () => new Date() } = options;
  const { folder, tls } = security;
  let complainedSec = -Infinity;
  const complain = (why: string): void => {
    if (clock.nowSec() - complainedSec < COMPLAIN_SEC) return;
    complainedSec = clock.nowSec();
    const until = certificateLife(tls.cert).until.toISOString();
    logger.warn({ until, why }, 'the certificate of the site is due and was not renewed: `outrider site renew --dir` where the CA is');
  };
  const look = async (): Promise<void> => {
    try {
      await renewServer(folder, now());
      const cert = await readSiteFile(join(folder, SITE_FILES.serverCert));
      const { until, renewFrom } = certificateLife(cert);
      if (cert !== tls.cert) {
        Object.assign(tls, { cert });
        renewed();
        logger.info({ until: until.toISOString() }, 'the certificate of the site was renewed; new connections are shown it');
      } else if (renewFrom <= now()) complain(`the key of the CA is not in ${folder}`);
    } catch (error) {
      complain((error as Error).message);
    }
  };
  const timer = clock.every(LOOK_SEC, look);
  return () => timer.stop();
}
