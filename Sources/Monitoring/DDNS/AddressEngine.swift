package import AgentLink
import DomainNames
package import Logging
package import Outbound
package import Settings
package import Storage
import Texts

package import struct FoundationEssentials.Date

/// Does what the addresses of servers call for: tells when they change, and publishes them (`engines.md` 5 and 7).
package final class AddressEngine: Sendable {
    /// Reports that wait to be worked on.
    static let capacity = 4096

    private let profiles: any ResourceRepository<DDNSForm>
    private let roster: any Roster
    private let network: any AgentNetwork
    private let events: AgentEvents
    private let notifier: Notifier
    private let client: OutboundClient
    private let settings: any SettingsStore
    private let logger: Logger
    private let now: @Sendable () -> Date

    package init(
        storage: Storage, roster: any Roster, network: any AgentNetwork, events: AgentEvents, notifier: Notifier,
        client: OutboundClient, settings: any SettingsStore, logger: Logger,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        profiles = storage.rows(of: DDNSForm.self)
        self.roster = roster
        self.network = network
        self.events = events
        self.notifier = notifier
        self.client = client
        self.settings = settings
        self.logger = logger
        self.now = now
    }

    /// Works until the surrounding task is cancelled. Servers are published side by side, each in its own order.
    package func run() async {
        let reports = events.subscribe(to: .addresses, capacity: Self.capacity, as: "addresses")
        await withDiscardingTaskGroup { group in
            group.addTask { await self.watchSaves() }
            for await event in reports.events {
                guard case .geoIP(let new, let old) = event.content, let server = roster.server(id: event.server) else {
                    continue
                }
                tell(old, new, of: server)
                guard server.enableDDNS, old?.ipv4 != new.ipv4 || old?.ipv6 != new.ipv6 else { continue }
                group.addTask { await self.publish(new, of: server) }
            }
            group.cancelAll()
        }
    }

    // MARK: Changes are told

    private func tell(_ old: GeoIPInfo?, _ new: GeoIPInfo, of server: ServerRecord) {
        let settings = settings.current
        guard settings.enableIPChangeNotification, let old, Self.concerns(server.id, settings) else { return }
        let (before, after) = (Self.text(old), Self.text(new))
        guard !before.isEmpty, !after.isEmpty, before != after else { return }
        let isPlain = settings.enablePlainIPInNotification
        let shown = [old, new].map { MaskedAddress.shown($0.ipv4, $0.ipv6, isPlain: isPlain) }
        notifier.notify(
            group: settings.ipChangeNotificationGroupID, "[IP Changed] \(server.name), \(shown[0]) => \(shown[1])")
    }

    private static func text(_ geoIP: GeoIPInfo) -> String {
        MaskedAddress.shown(geoIP.ipv4, geoIP.ipv6, isPlain: true)
    }

    /// All but the listed ones, or with `cover` 2 only these.
    private static func concerns(_ server: Int64, _ settings: GatewaySettings) -> Bool {
        let listed = settings.ignoredIPNotification.utf8.split(separator: UInt8(ascii: ",")).contains { part in
            let digits = part.filter { $0 != UInt8(ascii: " ") }
            return Int64(String(decoding: digits, as: UTF8.self)) == server
        }
        return settings.cover == 2 ? listed : !listed
    }

    // MARK: Publishing

    /// A server that is saved with DDNS is published with the addresses it has.
    private func watchSaves() async {
        var seen = Dictionary(roster.servers.map { ($0.id, $0.updatedAt) }, uniquingKeysWith: { first, _ in first })
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            let servers = roster.servers
            for server in servers where seen[server.id] != server.updatedAt && server.enableDDNS {
                guard let geoIP = await network.presence(of: [server.id])[server.id]?.geoIP else { continue }
                await publish(geoIP, of: server)
            }
            seen = Dictionary(servers.map { ($0.id, $0.updatedAt) }, uniquingKeysWith: { first, _ in first })
        }
    }

    /// Sets the addresses of a server for all of its profiles; one that is gone or not the owner's is left out.
    package func publish(_ geoIP: GeoIPInfo, of server: ServerRecord) async {
        for id in server.ddnsProfiles {
            do {
                guard let profile = try await profiles.find(id: id), isUsable(profile, for: server) else { continue }
                await publish(geoIP, of: server, profile)
            } catch {
                logger.warning("a DDNS profile was not read", metadata: ["profile": "\(id)", "error": "\(error)"])
            }
        }
    }

    /// The server's owner's, or that of a real administrator; nobody is neither.
    private func isUsable(_ profile: Owned<DDNSForm>, for server: ServerRecord) -> Bool {
        profile.owner > 0 && roster.reaches(server, owner: profile.owner)
    }

    private func publish(_ geoIP: GeoIPInfo, of server: ServerRecord, _ profile: Owned<DDNSForm>) async {
        let form = profile.form
        let override = (server.overrideDDNSDomains[profile.id] ?? []).map(Self.ascii)
        var addresses: [(DDNSRecord.Kind, String)] = []
        if form.enableIPv4, !geoIP.ipv4.isEmpty { addresses.append((.a, geoIP.ipv4)) }
        if form.enableIPv6, !geoIP.ipv6.isEmpty { addresses.append((.aaaa, geoIP.ipv6)) }
        for domain in override.isEmpty ? form.domains : override {
            await publish(
                addresses.map { DDNSRecord(domain: domain, kind: $0.0, address: $0.1) }, form, profile: profile.id,
                server: server.id)
        }
    }

    /// Those of a profile are in ASCII since they were saved; those of a server are as people wrote them.
    private static func ascii(_ domain: String) -> String {
        do { return try DomainName.ascii(domain) } catch { return domain }  // No host name: the provider judges it.
    }

    private func publish(_ records: [DDNSRecord], _ form: DDNSForm, profile: Int64, server: Int64) async {
        var failure: DDNSError?
        for _ in 0..<max(1, min(form.maxRetries, 10)) {
            do throws(DDNSError) {
                let provider = try Self.provider(form, now)
                for record in records { try await provider.set(record, by: client) }
                return logger.info(
                    "addresses published", metadata: ["profile": "\(profile)", "server": "\(server)"])
            } catch {
                failure = error
            }
            guard !Task.isCancelled else { return }
        }
        logger.warning(
            "addresses were not published",
            metadata: [
                "profile": "\(profile)", "server": "\(server)",
                "error": "\(failure.map(String.init(describing:)) ?? "")",
            ])
    }

    private static func provider(
        _ form: DDNSForm, _ now: @escaping @Sendable () -> Date
    ) throws(DDNSError) -> any DDNSProvider {
        switch form.provider {
        case "dummy": DummyDDNS()
        case "webhook": WebhookDDNS(form: form)
        case "cloudflare": CloudflareDDNS(token: form.accessSecret)
        case "tencentcloud": TencentDDNS(id: form.accessID, key: form.accessSecret, now: now)
        case "he": HurricaneDDNS(key: form.accessSecret)
        default: throw .unknownProvider(form.provider)
        }
    }
}
