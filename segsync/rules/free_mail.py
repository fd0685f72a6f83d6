"""Domains of free mailboxes: who has an address there need not work there, so they never link a person to a company."""

from __future__ import annotations

_DOMAINS = """
gmail.com googlemail.com google.com.au outlook.com outlook.de outlook.fr outlook.es outlook.it hotmail.com hotmail.de
hotmail.fr hotmail.it hotmail.es hotmail.co.uk hotmail.be hotmail.nl live.com live.de live.fr live.it live.nl live.co.uk
live.be live.ca live.com.au msn.com passport.com windowslive.com
yahoo.com yahoo.de yahoo.fr yahoo.it yahoo.es yahoo.co.uk yahoo.co.in yahoo.in yahoo.co.jp yahoo.com.br yahoo.com.ar
yahoo.com.mx yahoo.com.au yahoo.ca yahoo.gr yahoo.ro yahoo.se yahoo.no yahoo.dk yahoo.co.id yahoo.com.vn yahoo.com.ph
yahoo.com.tw yahoo.com.hk yahoo.com.sg ymail.com rocketmail.com myyahoo.com aol.com aol.de aol.co.uk aim.com verizon.net
icloud.com me.com mac.com
gmx.de gmx.net gmx.at gmx.ch gmx.com gmx.fr gmx.co.uk gmx.us web.de freenet.de t-online.de arcor.de online.de
posteo.de posteo.net mailbox.org email.de mail.de 1und1.de vodafone.de kabelmail.de unitybox.de alice-dsl.net
bluewin.ch hispeed.ch sunrise.ch bluemail.ch aon.at chello.at a1.net
orange.fr wanadoo.fr free.fr laposte.net sfr.fr neuf.fr numericable.fr bbox.fr club-internet.fr
libero.it virgilio.it tiscali.it alice.it tin.it tim.it fastwebnet.it email.it inwind.it iol.it
telefonica.net terra.es ono.com movistar.es
ziggo.nl kpnmail.nl kpnplanet.nl planet.nl home.nl hetnet.nl xs4all.nl upcmail.nl casema.nl quicknet.nl telenet.be
skynet.be proximus.be scarlet.be
btinternet.com btopenworld.com sky.com virginmedia.com ntlworld.com blueyonder.co.uk talktalk.net tiscali.co.uk
googlemail.co.uk eircom.net
wp.pl o2.pl onet.pl op.pl interia.pl interia.eu poczta.onet.pl gazeta.pl tlen.pl
seznam.cz email.cz centrum.cz post.cz volny.cz azet.sk zoznam.sk freemail.hu citromail.hu abv.bg mail.bg
telia.com comhem.se spray.se bredband.net online.no broadpark.no mail.dk jubii.dk stofanet.dk kolumbus.fi elisanet.fi
luukku.com sapo.pt iol.pt clix.pt otenet.gr forthnet.gr
mail.ru bk.ru list.ru inbox.ru internet.ru yandex.ru yandex.com ya.ru rambler.ru ukr.net i.ua inbox.lv
proton.me protonmail.com protonmail.ch pm.me tutanota.com tutanota.de tuta.io tuta.com tutamail.com hey.com fastmail.com
fastmail.fm hushmail.com zoho.com zohomail.com mail.com email.com usa.com post.com consultant.com
qq.com 163.com 126.com yeah.net sina.com sina.cn sohu.com foxmail.com 139.com 189.cn aliyun.com naver.com daum.net
hanmail.net nate.com docomo.ne.jp ezweb.ne.jp softbank.ne.jp i.softbank.jp nifty.com biglobe.ne.jp ocn.ne.jp
rediffmail.com indiatimes.com in.com
uol.com.br bol.com.br terra.com.br ig.com.br globo.com globomail.com oi.com.br
comcast.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net juno.com optonline.net optimum.net
frontier.com windstream.net centurylink.net mindspring.com netzero.net pacbell.net roadrunner.com rr.com q.com
rogers.com shaw.ca sympatico.ca videotron.ca telus.net bell.net cogeco.ca
bigpond.com bigpond.net.au optusnet.com.au iinet.net.au xtra.co.nz
walla.com walla.co.il netvision.net.il mailinator.com guerrillamail.com 10minutemail.com yopmail.com tempmail.com
privaterelay.appleid.com duck.com mozmail.com
"""

FREE_MAIL: frozenset[str] = frozenset(_DOMAINS.split())


def is_free_mail(domain: str) -> bool:
    """Whether addresses at this domain say nothing about an employer."""
    return domain in FREE_MAIL
