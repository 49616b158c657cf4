import FoundationEssentials
import Glibc
import HTTP
import Outbound
import Settings
import Storage
import TestSupport
import Testing

@testable import Monitoring

/// Against a real VictoriaMetrics, which `scripts/setup` installs.
@Suite(.timeLimit(.minutes(5))) struct VictoriaMetricsTests {
    /// A server of its own.
    private final class Server {
        let process: pid_t
        let url: String
        let scratch: Scratch
        let client: OutboundClient

        init() async throws {
            scratch = try Scratch()
            client = OutboundClient(guard: AddressGuard(allowing: [try #require(IPNetwork("127.0.0.0/8"))]))
            let port = try Self.freePort()
            url = "http://127.0.0.1:\(port)"
            let arguments = [
                "victoria-metrics", "-storageDataPath=\(scratch.folder)/data", "-httpListenAddr=127.0.0.1:\(port)",
                "-retentionPeriod=100y", "-memory.allowedBytes=64MB",
            ]
            var pid: pid_t = 0
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            defer { posix_spawn_file_actions_destroy(&actions) }
            for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
                posix_spawn_file_actions_addopen(
                    &actions, descriptor, "\(scratch.folder)/log", O_WRONLY | O_CREAT | O_APPEND, 0o600)
            }
            var list: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
            defer { for case let argument? in list { free(argument) } }
            let code = posix_spawn(&pid, "/usr/bin/victoria-metrics", &actions, nil, &list, nil)
            try #require(code == 0, "victoria-metrics is missing: ./scripts/setup installs it")
            process = pid
            for _ in 0..<200 {
                if let answer = try? await client.send(.init(.get, url: "\(url)/health")), answer.isSuccess { return }
                try await Task.sleep(for: .milliseconds(50))
            }
            Issue.record("victoria-metrics does not answer")
        }

        deinit {
            kill(process, SIGKILL)
            waitpid(process, nil, 0)
        }

        /// Makes what was written visible at once.
        func flush() async throws {
            _ = try await client.send(.init(.get, url: "\(url)/internal/force_flush"))
        }

        private static func freePort() throws -> UInt16 {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isBound = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
                }
            }
            try #require(isBound)
            return UInt16(bigEndian: address.sin_port)
        }
    }

    @Test func bothEnginesGiveTheSameNumbers() async throws {
        let server = try await Server()
        let scratch = try Scratch()
        let embedded = EmbeddedMetrics(file: try scratch.openMetrics(), retentionDays: 30, logger: quiet)
        let remote = VictoriaMetrics(client: server.client, writeURL: server.url, readURL: server.url + "/")
        // The server refuses what lies in the future, so the past hours are written.
        let now = Int64(Date().timeIntervalSince1970)
        let start = now - now % 7200 - 30 * 3600
        for hour in 0..<30 {
            var rows: [MetricsIntake.Row] = []
            for index in 0..<120 where (hour + index) % 7 != 0 {
                let time = start + Int64(hour) * 3600 + Int64(index) * 30
                let value = Double((hour * 37 + index * 11) % 101) + 0.125
                rows.append(.server(1, at: time, value))
                rows.append(.server(2, at: time, value * 2))
                rows.append(.probe(5, by: 1, at: time, index % 3 == 0 ? 0 : value, up: index % 3 != 0))
                rows.append(.probe(5, by: 2, at: time, value, up: true))
            }
            try await embedded.write(rows)
            try await remote.write(rows)
        }
        let last = MetricsIntake.Row.server(1, at: now - now % 30, 77)
        try await embedded.write([last])
        try await remote.write([last])
        try await embedded.maintain(now: now)
        try await server.flush()

        let stores = [embedded as any MetricsEngine, remote].map {
            MetricsStore(engine: $0, configuration: MetricsConfiguration(), logger: quiet)
        }
        let time = Date(seconds: now)
        for period in MetricsPeriod.allCases {
            for metric in ServerMetric.allCases {
                let found = try await [
                    stores[0].history(of: 1, metric, period, now: time),
                    stores[1].history(of: 1, metric, period, now: time),
                ]
                #expect(!found[0].isEmpty)
                #expect(found[0].map(\.time) == found[1].map(\.time), "\(metric) \(period)")
                #expect(
                    zip(found[0], found[1]).allSatisfy { abs($0.value - $1.value) <= abs($0.value) * 1e-9 + 1e-9 },
                    "\(metric) \(period)")
            }
            let services = try await [
                stores[0].history(ofService: 5, period, now: time), stores[1].history(ofService: 5, period, now: time),
            ]
            #expect(services[0].map(\.server) == [1, 2])
            for (one, other) in zip(services[0], services[1]) {
                #expect(one.server == other.server)
                #expect(one.up == other.up, "\(period)")
                #expect(one.down == other.down, "\(period)")
                #expect(abs(one.averageDelay - other.averageDelay) < 1e-9)
                #expect(one.points.map(\.time) == other.points.map(\.time))
                #expect(one.points.map(\.isUp) == other.points.map(\.isUp))
            }
        }
        let one = try await stores[1].history(ofService: 5, by: 2, .week, now: time)
        #expect(one?.server == 2)
        await embedded.close()
    }

    @Test func aServerThatIsAwayIsToldFromOneThatRefuses() async throws {
        let client = OutboundClient(guard: AddressGuard(allowing: [try #require(IPNetwork("127.0.0.0/8"))]))
        // Nobody listens on port 1.
        let away = VictoriaMetrics(client: client, writeURL: "http://127.0.0.1:1", readURL: "http://127.0.0.1:1")
        await #expect(throws: VictoriaMetrics.Failure.self) {
            try await away.write([.server(1, at: sunday, 1)])
        }
        let server = try await Server()
        let wrong = VictoriaMetrics(
            client: server.client, writeURL: server.url + "/nowhere", readURL: server.url + "/nowhere")
        await #expect(throws: VictoriaMetrics.Failure.outbound(.failed("it answered 400"))) {
            try await wrong.write([.server(1, at: sunday, 1)])
        }
    }
}
