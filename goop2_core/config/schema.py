"""Every key of `goop.json`: its type, default, words for a person, and what this version does with it.

The spec for names, types and defaults is spec/network 1.5. Pydantic checks types; what else must hold is in `rules`,
which reads the marks that `_key` leaves on each field.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

THEMES = ("auto", "light", "dark")
LABEL_LENGTH = 200
EMAIL_LENGTH = 254
HIGHEST_PORT = 65535
_LARGEST = 2**31 - 1
_DEFAULT_GRACE = 15
_LONGEST_GRACE = 60


def _key(
    default: Any,
    title: str,
    help_text: str,
    *,
    live: bool = False,
    used: bool = True,
    secret: bool = False,
    advanced: bool = False,
    least: int | None = None,
    most: int | None = None,
    filled: bool = False,
    when: str = "",
    choices: tuple[str, ...] = (),
) -> Any:
    """A key of `goop.json`.

    `live`: takes effect at once. `used`: this version acts on it. `filled`: must not be blank. `least`/`most`: bounds
    of a number. `when`: the bounds and `filled` count only while that key is set. `choices`: the values there are.
    """
    marked: dict[str, Any] = {"live": live, "used": used, "secret": secret, "advanced": advanced}
    marked |= {"least": least, "most": most, "filled": filled, "when": when, "choices": list(choices)}
    return Field(default, title=title, description=help_text, repr=not secret, json_schema_extra=marked)


def _later(default: Any, title: str, help_text: str, **marks: Any) -> Any:
    """A key that is read, checked and kept for other versions, but has no effect in this one."""
    return _key(default, title, help_text, used=False, **{"advanced": True, **marks})


def _one_line(longest: int) -> Callable[[str], str]:
    return lambda text: " ".join(text.split())[:longest]


def _grace(minutes: int) -> int:
    return minutes if 1 <= minutes <= _LONGEST_GRACE else _DEFAULT_GRACE


def _theme(name: str) -> str:
    return name if name in THEMES else "dark"


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class Section(BaseModel):
    """A part of `goop.json`. Unknown keys are not kept here but in the document, see `ConfigFile`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)


class IdentitySection(Section):
    """Who this peer is."""

    key_file: str = _key(
        "data/identity.key",
        "Identity key file",
        "The file with this peer's private key, in the peer's directory unless it is an absolute path. "
        "Whoever has this file is this peer.",
        advanced=True,
        filled=True,
    )


class PathsSection(Section):
    """Where the site is."""

    site_root: str = _key(
        "site",
        "Site folder",
        "The folder that visitors see, in the peer's directory unless it is an absolute path.",
        filled=True,
    )
    site_source: str = _later(
        "site/src", "Site source folder", "Kept for other programs; nothing reads it.", filled=True
    )
    site_stage: str = _later(
        "site/stage",
        "Site stage folder",
        "Kept for other programs; nothing reads it. It must differ from the source folder.",
        filled=True,
    )


class P2pSection(Section):
    """How this peer takes part in the peer-to-peer network."""

    listen_port: int = _key(
        0,
        "Port",
        "The TCP port where other peers connect. 0 takes any free port at each start. "
        "Set one if you forward a port of your router.",
        least=0,
        most=HIGHEST_PORT,
    )
    listen_ws: bool = _key(
        True,
        "Accept WebSocket connections",
        "Also listen for peers that can only connect by WebSocket, on a port of its own.",
        advanced=True,
    )
    mdns_enabled: bool = _key(
        True,
        "Find peers on the local network",
        "Announce this peer on the local network and find others there. Off, only known addresses are used.",
    )
    mdns_tag: str = _key(
        "goop-mdns",
        "Local network group",
        "Peers find each other on the local network only if they have the same group. "
        "Change it to be apart from everybody else.",
        advanced=True,
        filled=True,
    )
    bridge_mode: bool = _later(False, "Bridge mode", "Take part through a bridge instead of connecting to peers.")
    nacl_public_key: str = _key(
        "",
        "Encryption public key",
        "The key with which others seal messages to this peer. Made at the first start.",
        advanced=True,
    )
    nacl_private_key: str = _key(
        "",
        "Encryption private key",
        "The other half of the encryption key. Never give it away.",
        secret=True,
        advanced=True,
    )


def _seconds(default: int, title: str, help_text: str) -> Any:
    return _later(default, title, help_text, least=0, most=_LARGEST, when="presence.relay_port")


def _url(title: str) -> Any:
    return _later("", title, "The address of this service of a rendezvous server.")


def _token(title: str) -> Any:
    return _later("", title, "The token with which a rendezvous server manages this service.", secret=True)


class PresenceSection(Section):
    """How others learn that this peer is there, and the rendezvous server it may run."""

    topic: str = _later(
        "goop.presence.v1",
        "Presence topic",
        "Kept for other programs; peers always announce themselves on goop.presence.v1.",
        filled=True,
    )
    ttl_seconds: int = _key(
        20,
        "Offline after (seconds)",
        "A peer that has not announced itself for so long counts as offline.",
        advanced=True,
        least=1,
        most=_LARGEST,
    )
    heartbeat_seconds: int = _key(
        5,
        "Announce every (seconds)",
        "How often this peer announces itself. It must be less than the time after which it counts as offline.",
        advanced=True,
        least=1,
        most=_LARGEST,
    )
    rendezvous_host: bool = _later(False, "Run a rendezvous server", "Help other peers to find each other.")
    rendezvous_port: int = _later(
        8787,
        "Rendezvous port",
        "The port of the rendezvous server.",
        least=1,
        most=HIGHEST_PORT,
        when="presence.rendezvous_host",
    )
    rendezvous_bind: str = _later("127.0.0.1", "Rendezvous address", "The IP address the rendezvous server listens on.")
    rendezvous_wan: str = _later("", "Rendezvous server", "The URL of the rendezvous server through which to be found.")
    rendezvous_only: bool = _later(False, "Only a rendezvous server", "Run the rendezvous server and no peer.")
    admin_password: str = _later("", "Rendezvous password", "The password of the server's admin pages.", secret=True)
    peer_db_path: str = _later("", "Rendezvous database", "Where the rendezvous server keeps its peers.")
    external_url: str = _later("", "Rendezvous public URL", "The URL under which the rendezvous server is known.")
    relay_port: int = _later(
        0, "Relay port", "The port of the relay that the rendezvous server runs; 0 is none.", most=HIGHEST_PORT, least=0
    )
    relay_ws_port: int = _later(
        0,
        "Relay WebSocket port",
        "The WebSocket port of the relay; 0 is none.",
        least=0,
        most=HIGHEST_PORT,
        when="presence.relay_port",
    )
    relay_key_file: str = _later("data/relay.key", "Relay key file", "The file with the relay's private key.")
    relay_cleanup_delay_sec: int = _seconds(3, "Relay clean-up delay (seconds)", "Wait before a relay is renewed.")
    relay_poll_deadline_sec: int = _seconds(10, "Relay poll limit (seconds)", "How long to wait for a relay address.")
    relay_connect_timeout_sec: int = _seconds(5, "Relay connect limit (seconds)", "How long to try to reach the relay.")
    relay_refresh_interval_sec: int = _seconds(90, "Relay refresh (seconds)", "How often a relay is checked.")
    relay_recovery_grace_sec: int = _seconds(5, "Relay recovery (seconds)", "Wait before a lost relay is replaced.")
    use_services: bool = _later(False, "Use services", "Use the services of the rendezvous server.")
    credits_url: str = _url("Credits service")
    registration_url: str = _url("Registration service")
    email_url: str = _url("E-mail service")
    templates_url: str = _url("Template service")
    bridge_url: str = _url("Bridge service")
    encryption_url: str = _url("Encryption service")
    templates_dir: str = _later("", "Template folder", "The folder whose templates the rendezvous server offers.")
    credits_admin_token: str = _token("Credits token")
    registration_admin_token: str = _token("Registration token")
    templates_admin_token: str = _token("Template token")
    bridge_admin_token: str = _token("Bridge token")
    encryption_admin_token: str = _token("Encryption token")


class ProfileSection(Section):
    """What others see of you."""

    label: Annotated[str, AfterValidator(_one_line(LABEL_LENGTH))] = _key(
        "hello", "Display name", "The name that others see: one line of at most 200 characters.", live=True
    )
    email: Annotated[str, AfterValidator(_one_line(EMAIL_LENGTH))] = _key(
        "", "E-mail address", "Shown to others. Leave it empty to show none.", live=True
    )
    verification_token: str = _later("", "Verification token", "Proves the e-mail address to a server.", secret=True)
    bridge_token: str = _later("", "Bridge token", "Lets this peer use a bridge.", secret=True)


class ViewerSection(Section):
    """The web server for sites, the console, and how things are shown."""

    http_addr: str = _key(
        "",
        "Site address",
        "Where browsers reach sites, as address:port. Empty: this computer only, on a port that stays the same. "
        "0.0.0.0:8080 or :8080 publishes your site to everyone who can reach this computer.",
    )
    console_addr: str = _key(
        "127.0.0.1:0",
        "Console address",
        "Where the console is, always on this computer. Port 0 takes a port that stays the same.",
        advanced=True,
    )
    public_url: str = _key(
        "",
        "Public URL",
        "The http or https URL under which a reverse proxy publishes your site, used in the links you share.",
        advanced=True,
    )
    trusted_proxies: Annotated[tuple[str, ...], BeforeValidator(_listed)] = _key(
        (),
        "Trusted proxies",
        "IP addresses or networks of reverse proxies whose X-Forwarded-For header is believed.",
        live=True,
        advanced=True,
    )
    gateway: bool = _key(
        False,
        "Gateway for visitors",
        "Let visitors with a plain browser also read other peers' sites through this peer, in its name.",
        live=True,
        advanced=True,
    )
    theme: Annotated[str, AfterValidator(_theme)] = _key(
        "dark",
        "Appearance",
        "How the console looks in a browser: light, dark, or as the system is set (auto).",
        live=True,
        choices=THEMES,
    )
    open_sites_external: bool = _key(
        False, "Open sites in the browser", "Open sites in the system's browser instead of a tab.", live=True
    )
    video_disabled: bool = _key(
        False, "No video calls", "Tell others that this peer does not take video calls.", live=True
    )
    peer_offline_grace_min: Annotated[int, AfterValidator(_grace)] = _key(
        _DEFAULT_GRACE,
        "Keep offline people (minutes)",
        "How long somebody who went offline stays in the list, 1 to 60.",
        live=True,
        least=1,
        most=_LONGEST_GRACE,
    )
    debug: bool = _key(False, "Detailed log", "Write more to the log.", live=True, advanced=True)
    hide_unverified: bool = _later(False, "Hide unverified people", "List only people with a verified e-mail address.")
    preferred_cam: str = _later("", "Camera", "The camera for calls.")
    preferred_mic: str = _later("", "Microphone", "The microphone for calls.")
    active_template: str = _later("", "Template", "The template the site was made from.")
    splash: str = _later("goop2-splash2.png", "Splash picture", "Kept for other programs.")
    cluster_binary_path: str = _later("", "Cluster program", "The program that runs cluster jobs.")
    cluster_binary_mode: str = _later("", "Cluster program mode", "How the cluster program is run.")


def _lua(default: int, title: str, help_text: str, most: int = _LARGEST) -> Any:
    return _later(default, title, help_text, least=1, most=most, when="lua.enabled")


class LuaSection(Section):
    """Scripts of the site."""

    enabled: bool = _later(False, "Run scripts", "Run the site's Lua scripts.")
    script_dir: str = _later(
        "site/lua", "Script folder", "The folder with the scripts.", filled=True, when="lua.enabled"
    )
    timeout_seconds: int = _lua(5, "Time limit (seconds)", "How long a script may run.", 60)
    max_memory_mb: int = _lua(10, "Memory limit (MB)", "How much memory a script may use.", 1024)
    rate_limit_per_peer: int = _lua(30, "Calls a minute from one peer", "How often one peer may call scripts.")
    rate_limit_global: int = _lua(120, "Calls a minute in all", "How often scripts may be called by everyone together.")
    http_enabled: bool = _later(True, "Scripts may use the web", "Let scripts fetch web addresses.")
    kv_enabled: bool = _later(True, "Scripts may store values", "Let scripts keep values between calls.")


class Config(Section):
    """The whole of `goop.json`, immutable. Later sections may be added; unknown ones are kept in the file."""

    identity: IdentitySection = Field(default=IdentitySection(), title="Identity")
    paths: PathsSection = Field(default=PathsSection(), title="Site folder")
    p2p: P2pSection = Field(default=P2pSection(), title="Network")
    presence: PresenceSection = Field(default=PresenceSection(), title="Presence and rendezvous")
    profile: ProfileSection = Field(default=ProfileSection(), title="Profile")
    viewer: ViewerSection = Field(default=ViewerSection(), title="Viewer")
    lua: LuaSection = Field(default=LuaSection(), title="Scripts")

    @classmethod
    def default(cls, label: str = "hello") -> Config:
        """The configuration of a peer whose file says nothing but its display name."""
        return cls(profile=ProfileSection(label=label))

    def value(self, key: str) -> Any:
        """The value of a key such as `profile.label`. Raises `KeyError` if there is none."""
        section, _, name = key.partition(".")
        if section not in SECTIONS or name not in SECTIONS[section].model_fields:
            raise KeyError(key)
        return getattr(getattr(self, section), name)


SECTIONS: dict[str, type[Section]] = {
    name: field.annotation
    for name, field in Config.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
}


def marks(key: str) -> dict[str, Any]:
    """What `_key` said about a key such as `profile.label`. Raises `KeyError` for an unknown one."""
    section, _, name = key.partition(".")
    extra = SECTIONS[section].model_fields[name].json_schema_extra
    assert isinstance(extra, dict)
    return dict(extra)


KEYS: tuple[str, ...] = tuple(f"{section}.{name}" for section, model in SECTIONS.items() for name in model.model_fields)
