package import AgentLink
package import Logging
package import Outbound
package import Settings
package import Storage
import Synchronization
package import Texts
package import TimeZones

package import struct FoundationEssentials.Date

/// Sends messages to groups of channels (`engines.md` 5). Whoever has something to say returns at once: each channel has a
/// queue of its own, which is bounded, and a slow channel delays no other.
package final class Notifier: Sendable {
    /// Messages that wait for one channel; of more the newest are lost, counted and logged.
    static let capacity = 64
    /// Pauses before the tries after the first.
    static let pauses: [Duration] = [.seconds(1), .seconds(5), .seconds(25)]

    private struct State {
        var channels: [Int64: NotificationChannel] = [:]
        var groups: [Int64: [Int64]] = [:]
        var mutes = MuteTable()
        var queues: [Int64: [NotificationMessage]] = [:]
        /// Channels whose queue is being emptied.
        var busy: Set<Int64> = []
        var dropped = 0
    }

    private let state = Mutex(State())
    private let channels: any ResourceRepository<NotificationForm>
    private let groups: any ResourceRepository<NotificationGroupForm>
    private let client: OutboundClient
    private let network: any AgentNetwork
    private let settings: any SettingsStore
    private let zone: Zone
    private let logger: Logger
    private let now: @Sendable () -> Date
    private let pause: @Sendable (Duration) async throws -> Void
    private let wanted: AsyncStream<Int64>
    private let want: AsyncStream<Int64>.Continuation

    /// - Parameters:
    ///   - zone: in which times are written.
    ///   - pause: waits between tries; tests do not.
    package init(
        storage: Storage, network: any AgentNetwork, client: OutboundClient, settings: any SettingsStore, zone: Zone,
        logger: Logger, now: @escaping @Sendable () -> Date = { Date() },
        pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        channels = storage.rows(of: NotificationForm.self)
        groups = storage.rows(of: NotificationGroupForm.self)
        self.client = client
        self.network = network
        self.settings = settings
        self.zone = zone
        self.logger = logger
        self.now = now
        self.pause = pause
        (wanted, want) = AsyncStream.makeStream()
    }

    /// Reads channels and groups, and hears of their changes from then on.
    package func load() async throws {
        channels.observe { [weak self] change in
            self?.state.withLock { state in
                switch change {
                case .saved(let row): state.channels[row.id] = NotificationChannel(row.form, id: row.id)
                case .deleted(let ids):
                    for id in ids { (state.channels[id], state.queues[id]) = (nil, nil) }
                }
            }
        }
        groups.observe { [weak self] change in
            self?.state.withLock { state in
                switch change {
                case .saved(let row): state.groups[row.id] = row.form.notifications
                case .deleted(let ids): for id in ids { state.groups[id] = nil }
                }
            }
        }
        let (rows, lists) = (try await channels.all(), try await groups.all())
        state.withLock { state in
            for row in rows { state.channels[row.id] = NotificationChannel(row.form, id: row.id) }
            for row in lists { state.groups[row.id] = row.form.notifications }
        }
    }

    /// Messages that wait, of all channels.
    package var waiting: Int { state.withLock { $0.queues.values.reduce(0) { $0 + $1.count } } }

    /// Messages that were lost because a channel's queue was full.
    package var dropped: Int { state.withLock { $0.dropped } }

    /// Tells a group, if there is one.
    /// - Parameters:
    ///   - server: whose placeholders are filled.
    ///   - subject: what the message is about, for the mute; `nil` is never muted.
    /// - Returns: whether it was not muted.
    @discardableResult
    package func notify(
        group: Int64, _ text: Message, server: ServerSnapshot? = nil, muting subject: String? = nil
    ) -> Bool {
        let date = now()
        // First: an incident that goes on comes here every few seconds, mostly to be muted.
        if let subject, !state.withLock({ $0.mutes.allows(MuteTable.Key(group: group, subject: subject), at: date) }) {
            return false
        }
        let message = NotificationMessage(
            text: text.text(in: Language(setting: settings.current.language)), time: Self.text(of: date, in: zone),
            server: server)
        let lost = state.withLock { state in
            var lost = 0
            for id in state.groups[group] ?? [] where state.channels[id] != nil {
                guard state.queues[id, default: []].count < Self.capacity else {
                    lost += 1
                    continue
                }
                state.queues[id, default: []].append(message)
                if state.busy.insert(id).inserted { want.yield(id) }
            }
            state.dropped += lost
            return lost
        }
        if lost > 0 { logger.warning("notifications lost: a channel is too slow", metadata: ["count": "\(lost)"]) }
        return true
    }

    /// The subject has changed: what is told of it next is not muted.
    package func unmute(group: Int64, _ subject: String) {
        state.withLock { $0.mutes.clear(MuteTable.Key(group: group, subject: subject)) }
    }

    /// Sends one test message at once.
    package func test(_ form: NotificationForm) async throws(NotificationError) {
        let message = NotificationMessage(
            text: "a test message", time: Self.text(of: now(), in: zone))
        try await client.send(message, to: NotificationChannel(form, id: 0))
    }

    /// What is known of a server, for a message about it.
    package func snapshot(of server: ServerRecord) async -> ServerSnapshot {
        ServerSnapshot(server, await network.presence(of: [server.id])[server.id])
    }

    /// Sends what is queued until the surrounding task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for await id in wanted { group.addTask { await self.empty(id) } }
        }
    }

    private func empty(_ id: Int64) async {
        while true {
            let next: (NotificationChannel, NotificationMessage)? = state.withLock { state in
                guard let channel = state.channels[id], let queue = state.queues[id], !queue.isEmpty else {
                    state.queues[id] = nil
                    state.busy.remove(id)
                    return nil
                }
                return (channel, state.queues[id]?.removeFirst() ?? queue[0])
            }
            guard let (channel, message) = next, !Task.isCancelled else { return }
            await send(message, to: channel)
        }
    }

    private func send(_ message: NotificationMessage, to channel: NotificationChannel) async {
        var failure: NotificationError?
        for attempt in 0...Self.pauses.count {
            do throws(NotificationError) {
                return try await client.send(message, to: channel)
            } catch {
                failure = error
            }
            // At the end of the program: what was under way may have arrived, and is not sent again.
            if Task.isCancelled { return }
            guard attempt < Self.pauses.count else { break }
            do { try await pause(Self.pauses[attempt]) } catch { return }
        }
        // Neither URL nor answer: both may hold secrets.
        logger.warning(
            "a notification was not sent",
            metadata: ["channel": "\(channel.id)", "error": "\(failure.map(String.init(describing:)) ?? "")"])
    }

    /// Such as `2026-01-02 15:04:05.123456789 +0800 CST`.
    static func text(of date: Date, in zone: Zone) -> String {
        let seconds = date.timeIntervalSince1970
        let whole = Int64(seconds.rounded(.down))
        let nanoseconds = min(999_999_999, max(0, Int((seconds - Double(whole)) * 1e9)))
        let setting = zone.setting(at: whole)
        let time = zone.civil(at: whole)
        let offset = abs(setting.offset) / 60
        return "\(time.year.padded(4))-\(time.month.padded())-\(time.day.padded()) "
            + "\(time.hour.padded()):\(time.minute.padded()):\(time.second.padded()).\(nanoseconds.padded(9)) "
            + "\(setting.offset < 0 ? "-" : "+")\((offset / 60).padded())\((offset % 60).padded()) \(setting.abbreviation)"
    }
}

extension NotificationChannel {
    init(_ form: NotificationForm, id: Int64) {
        self.init(
            id: id, url: form.url, method: Int(clamping: form.requestMethod), bodyType: Int(clamping: form.requestType),
            headers: form.requestHeader, body: form.requestBody, verifiesTLS: form.verifyTLS,
            formatsUnits: form.formatMetricUnits)
    }
}
