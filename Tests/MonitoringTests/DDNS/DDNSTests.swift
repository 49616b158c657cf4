import AgentLink
import FoundationEssentials
import HTTP
import JSON
import Outbound
import Settings
import Storage
import TestSupport
import Testing

@testable import Monitoring

@Suite struct DDNSRecordTests {
    @Test("the zones that a name may lie in, and its name there")
    func zones() {
        let record = DDNSRecord(domain: "a.b.example.com", kind: .a, address: "192.0.2.1")
        #expect(record.zones == ["a.b.example.com", "b.example.com", "example.com"])
        #expect(record.name(in: "example.com") == "a.b")
        #expect(record.name(in: "a.b.example.com") == "@")
    }
}

@Suite struct WebhookDDNSTests {
    private let record = DDNSRecord(domain: "one.example.org", kind: .aaaa, address: "2001:db8::1")

    private func form(_ change: (inout DDNSForm) -> Void = { _ in }) -> DDNSForm {
        var form = DDNSForm()
        (form.accessID, form.accessSecret) = ("id-1", "se\"cret")
        form.webhookURL = " http://hook.example/x#y?ip=#ip#&d=#domain#&t=#type# "
        (form.webhookMethod, form.webhookRequestType) = (2, 1)
        form.webhookRequestBody = ##"{"ip": "#ip#", "s": "#access_secret#", "r": "#record#"}"##
        form.webhookHeaders = ##"{"X-Id": "#access_id#"}"##
        change(&form)
        return form
    }

    @Test("query, headers and body are filled, each with its own escapes")
    func json() throws {
        let request = try WebhookDDNS(form: form()).request(for: record)
        #expect(request.url == "http://hook.example/x%23y?ip=2001%3Adb8%3A%3A1&d=one.example.org&t=ipv6")
        #expect(request.method == .post)
        let body = String(decoding: request.body ?? [], as: UTF8.self)
        #expect(body == #"{"ip": "2001:db8::1", "s": "se\"cret", "r": "AAAA"}"#)
        #expect(request.headers[try #require(HTTPField.Name("X-Id"))] == "id-1")
        #expect(request.verifiesTLS)
    }

    @Test("GET and DELETE have no body, the others have one", arguments: [1, 2, 3, 4, 5] as [Int64])
    func methods(_ method: Int64) throws {
        let request = try WebhookDDNS(form: form { $0.webhookMethod = method }).request(for: record)
        #expect((request.body == nil) == (method == 1 || method == 4))
    }

    @Test("a form is an object of texts; another type and method are refused")
    func forms() throws {
        let request = try WebhookDDNS(
            form: form {
                $0.webhookRequestType = 2
                $0.webhookRequestBody = ##"{"ip": "#ip#", "a b": "x"}"##
            }
        ).request(for: record)
        #expect(String(decoding: request.body ?? [], as: UTF8.self) == "a+b=x&ip=2001%3Adb8%3A%3A1")
        #expect(throws: DDNSError.malformed) {
            try WebhookDDNS(form: form { $0.webhookRequestType = 3 }).request(for: record)
        }
        #expect(throws: DDNSError.malformed) {
            try WebhookDDNS(form: form { $0.webhookMethod = 6 }).request(for: record)
        }
    }
}

/// Each provider against a stand-in of its service.
@Suite struct DDNSProviderTests {
    @Test("the domains that a server has instead of the profile's are published in ASCII, whatever they are written in")
    func overriding() async throws {
        let (world, sink) = (try EngineWorld(), HTTPSink())
        try await LocalService.with(sink.serve) { port in
            var form = DDNSForm()
            (form.provider, form.webhookMethod, form.maxRetries, form.enableIPv4) = ("webhook", 1, 1, true)
            form.webhookURL = "http://127.0.0.1:\(port)/?d=#domain#"
            form.domains = ["one.example.org"]
            let profile = try await world.storage.rows(of: DDNSForm.self).insert(form, owner: 1, at: world.clock.now)
            world.roster.change {
                $0[0].ddnsProfiles = [profile.id]
                $0[0].overrideDDNSDomains = [profile.id: ["Bücher.example", "plain.example", "_odd.example"]]
            }
            let engine = AddressEngine(
                storage: world.storage, roster: world.roster, network: world.network, events: world.events,
                notifier: world.notifier, client: try client(), settings: world.settings, logger: quiet)
            let server = try #require(world.roster.server(id: 1))
            await engine.publish(GeoIPInfo(ipv4: "192.0.2.1"), of: server)
        }
        let domains = ["xn--bcher-kva.example", "plain.example", "_odd.example"]
        #expect(sink.requests.map(\.line) == domains.map { "GET /?d=\($0) HTTP/1.1" })
    }

    private func client() throws -> OutboundClient {
        OutboundClient(guard: AddressGuard(allowing: [try #require(IPNetwork("127.0.0.0/8"))]))
    }

    private let record = DDNSRecord(domain: "a.example.com", kind: .a, address: "192.0.2.1")

    @Test("Cloudflare: the zone is found, a record made or changed", arguments: [true, false])
    func cloudflare(_ exists: Bool) async throws {
        let sink = HTTPSink()
        sink.answer(with: { request in
            if request.line.hasPrefix("GET /zones?name=example.com ") {
                return #"{"success": true, "result": [{"id": "z1"}]}"#
            }
            if request.line.hasPrefix("GET /zones/z1/dns_records"), exists {
                return #"{"success": true, "result": [{"id": "r1"}]}"#
            }
            return request.line.hasPrefix("GET")
                ? #"{"success": true, "result": []}"# : #"{"success": true, "result": {}}"#
        })
        try await LocalService.with(sink.serve) { port in
            try await CloudflareDDNS(token: "tok", base: "http://127.0.0.1:\(port)").set(record, by: try client())
        }
        let last = try #require(sink.requests.last)
        #expect(last.line.hasPrefix(exists ? "PATCH /zones/z1/dns_records/r1 " : "POST /zones/z1/dns_records "))
        #expect(last.fields["authorization"] == "Bearer tok")
        #expect(last.body == #"{"type":"A","name":"a.example.com","content":"192.0.2.1","ttl":60}"#)
    }

    @Test("Cloudflare: a token without the zone")
    func noZone() async throws {
        let sink = HTTPSink()
        sink.answer(with: { _ in #"{"success": true, "result": []}"# })
        await #expect(throws: DDNSError.noZone) {
            try await LocalService.with(sink.serve) { port in
                try await CloudflareDDNS(token: "tok", base: "http://127.0.0.1:\(port)").set(record, by: try client())
            }
        }
    }

    @Test("Tencent Cloud: signed, the zone looked for, a record made")
    func tencent() async throws {
        let sink = HTTPSink()
        sink.answer(with: { request in
            switch request.fields["x-tc-action"] {
            case "DescribeDomain" where request.body.contains("a.example.com"):
                return #"{"Response": {"Error": {"Code": "InvalidParameterValue.DomainNotExists"}}}"#
            case "DescribeRecordList":
                return #"{"Response": {"Error": {"Code": "ResourceNotFound.NoDataOfRecord"}}}"#
            default: return #"{"Response": {"RequestId": "1"}}"#
            }
        })
        try await LocalService.with(sink.serve) { port in
            let provider = TencentDDNS(
                id: "id-1", key: "key-1", base: "http://127.0.0.1:\(port)/",
                now: { Date(timeIntervalSince1970: 1_800_000_000) })
            try await provider.set(record, by: try client())
        }
        let actions = sink.requests.map { $0.fields["x-tc-action"] ?? "" }
        #expect(actions == ["DescribeDomain", "DescribeDomain", "DescribeRecordList", "CreateRecord"])
        let signed = try #require(sink.requests.dropFirst().first)
        #expect(signed.body == #"{"Domain":"example.com"}"#)
        // Computed by another implementation.
        let expected = "ecbc0f4e8112a6111419769cd98e37b56d3c5a2707ee3567e0b42fb3689b0522"
        #expect(signed.fields["authorization"]?.hasSuffix("Signature=\(expected)") == true)
    }

    @Test(
        "Hurricane Electric: good, unchanged and refused",
        arguments: [("good 192.0.2.1", true), ("nochg", true), ("badauth", false)])
    func hurricane(_ answer: String, _ succeeds: Bool) async throws {
        let sink = HTTPSink()
        sink.answer(with: { _ in answer })
        var failure: DDNSError?
        try await LocalService.with(sink.serve) { port in
            do throws(DDNSError) {
                try await HurricaneDDNS(key: "k", base: "http://127.0.0.1:\(port)/u").set(
                    record,
                    by: OutboundClient(guard: AddressGuard(allowing: [IPNetwork("127.0.0.0/8")].compactMap(\.self))))
            } catch {
                failure = error
            }
        }
        #expect((failure == nil) == succeeds)
        #expect(sink.bodies == ["hostname=a.example.com&password=k&myip=192.0.2.1"])
    }
}

@Suite struct AddressEngineTests {
    @Test("a change is told, masked, and not for those left out; the first report is none")
    func change() async throws {
        let (world, sink) = (try EngineWorld(), HTTPSink())
        try await LocalService.with(sink.serve) { port in
            let group = try await world.group(port: port)
            try await world.notifier.load()
            world.settings.set {
                $0.enableIPChangeNotification = true
                $0.ipChangeNotificationGroupID = group
                $0.ignoredIPNotification = "9, 2"
            }
            let engine = AddressEngine(
                storage: world.storage, roster: world.roster, network: world.network, events: world.events,
                notifier: world.notifier, client: OutboundClient(guard: AddressGuard()), settings: world.settings,
                logger: quiet)
            try await EngineWorld.running([world.notifier.run, engine.run]) {
                // What is told before the engine listens is lost to it.
                #expect(await eventually { world.events.queues.contains { $0.name == "addresses" } })
                let (old, new) = (GeoIPInfo(ipv4: "192.0.2.1"), GeoIPInfo(ipv4: "198.51.100.2"))
                world.events.reported(geoIP: new, previous: nil, server: 1)
                world.events.reported(geoIP: new, previous: old, server: 2)
                world.events.reported(geoIP: new, previous: old, server: 1)
                try await sink.wait(for: 1)
            }
        }
        #expect(sink.bodies == ["[IP Changed] alpha, 192.****.1 => 198.****.2"])
    }

    @Test("a report publishes to the owner's profiles, and not to those of nobody")
    func publishing() async throws {
        let (world, sink) = (try EngineWorld(), HTTPSink())
        try await LocalService.with(sink.serve) { port in
            var form = DDNSForm()
            (form.provider, form.webhookMethod, form.maxRetries, form.enableIPv4) = ("webhook", 1, 1, true)
            form.webhookURL = "http://127.0.0.1:\(port)/?d=#domain#&ip=#ip#"
            form.domains = ["one.example.org"]
            let rows = world.storage.rows(of: DDNSForm.self)
            let mine = try await rows.insert(form, owner: 1, at: world.clock.now)
            let nobodys = try await rows.insert(form, owner: 0, at: world.clock.now)
            world.roster.change {
                $0[0].ddnsProfiles = [999, nobodys.id, mine.id]
                $0[0].enableDDNS = true
            }
            let engine = AddressEngine(
                storage: world.storage, roster: world.roster, network: world.network, events: world.events,
                notifier: world.notifier, client: try client(), settings: world.settings, logger: quiet)
            try await EngineWorld.running([engine.run]) {
                // What is told before the engine listens is lost to it.
                #expect(await eventually { world.events.queues.contains { $0.name == "addresses" } })
                world.events.reported(geoIP: GeoIPInfo(ipv4: "192.0.2.1"), previous: nil, server: 1)
                try await sink.wait(for: 1)
            }
        }
        #expect(sink.requests.map(\.line) == ["GET /?d=one.example.org&ip=192.0.2.1 HTTP/1.1"])
    }

    private func client() throws -> OutboundClient {
        OutboundClient(guard: AddressGuard(allowing: [try #require(IPNetwork("127.0.0.0/8"))]))
    }
}
