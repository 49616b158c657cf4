import Foundation
import Primitives
import Testing

@testable import AgentLink

@Suite("Reports")
struct ReportTests {
    private func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    @Test("empty reports are empty objects, but ip is always there")
    func empty() throws {
        #expect(try json(HostInfo()) == "{}")
        #expect(try json(HostState()) == "{}")
        #expect(try json(GeoIPInfo()) == #"{"ip":{}}"#)
    }

    @Test("a host has the JSON names of the contract")
    func host() throws {
        let host = HostInfo(
            platform: "debian", platformVersion: "12", cpu: ["c"], memTotal: 1, diskTotal: 2, swapTotal: 3,
            arch: "x86_64", virtualization: "kvm", bootTime: 4, version: "2.1.0", gpu: ["g"])
        let text = try json(host)
        #expect(
            text == """
                {"arch":"x86_64","boot_time":4,"cpu":["c"],"disk_total":2,"gpu":["g"],"mem_total":1,\
                "platform":"debian","platform_version":"12","swap_total":3,"version":"2.1.0","virtualization":"kvm"}
                """)
        #expect(try JSONDecoder().decode(HostInfo.self, from: Data(text.utf8)) == host)
    }

    @Test("a state has the JSON names of the contract")
    func state() throws {
        let text = try json(HostState.everyFieldSet)
        #expect(
            text == """
                {"cpu":1.5,"disk_used":4,"gpu":[17.5],"load_1":10.5,"load_15":12.5,"load_5":11.5,"mem_used":2,\
                "net_in_speed":7,"net_in_transfer":5,"net_out_speed":8,"net_out_transfer":6,"process_count":15,\
                "swap_used":3,"tcp_conn_count":13,"temperatures":[{"Name":"t","Temperature":16.5}],\
                "udp_conn_count":14,"uptime":9}
                """)
        #expect(try JSONDecoder().decode(HostState.self, from: Data(text.utf8)) == .everyFieldSet)
    }

    @Test("addresses and country have the JSON names of the contract")
    func geoIP() throws {
        let geoIP = GeoIPInfo(ipv4: "192.0.2.1", ipv6: "2001:db8::1", countryCode: "de")
        let text = try json(geoIP)
        #expect(text == #"{"country_code":"de","ip":{"ipv4_addr":"192.0.2.1","ipv6_addr":"2001:db8::1"}}"#)
        #expect(try JSONDecoder().decode(GeoIPInfo.self, from: Data(text.utf8)) == geoIP)
    }

    @Test("agent-controlled text is cut and loses its control characters")
    func hostileText() throws {
        var message = HostInfo()
        message.platform = "\u{1B}[31mred\u{7}\u{9B}0m"
        message.version = String(repeating: "é", count: 1000)
        message.arch = "e" + String(repeating: "\u{301}", count: 100_000)
        message.cpu = Array(repeating: "c", count: 1000)
        let host = try HostInfo(protobuf: message.protobuf())
        #expect(host.platform == "[31mred0m")
        #expect(host.version.unicodeScalars.count == 256)
        #expect(host.arch.unicodeScalars.count == 256)
        #expect(host.cpu.count == 64)
        message.cpu = Array(repeating: String(repeating: "c", count: 256), count: 17)
        #expect(try HostInfo(protobuf: message.protobuf()).cpu.count == ReportLimits.listBytes / 256)
        message.cpu.removeLast()
        #expect(try HostInfo(protobuf: message.protobuf()).cpu == message.cpu)
    }

    @Test("what is no number counts as zero, so that every report has a JSON form")
    func notNumbers() throws {
        var message = HostState()
        message.cpu = .nan
        message.load1 = .infinity
        message.gpu = [.nan, 5]
        message.temperatures = [.init(name: "", celsius: -.infinity)]
        let state = try HostState(protobuf: message.protobuf())
        try #require(state.cpu == 0)
        try #require(state.load1 == 0)
        try #require(state.gpu == [0, 5])
        #expect(state.temperatures[0].celsius == 0)
        _ = try json(state)
    }

    @Test("only addresses of the right family are taken from a report")
    func addresses() {
        var message = GeoIPMessage()
        message.addresses = .init(ipv4: "2001:db8::1", ipv6: "<script>")
        #expect(GeoIPInfo(message) == GeoIPInfo())
    }

    @Test(
        "addresses of peers have one form",
        arguments: [
            ("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::ffff:127.0.0.1", "127.0.0.1"),
            ("fe80::1%eth0", "fe80::1"), ("2001:DB8:0:0::1", "2001:db8::1"), ("/run/x", nil), ("in-process", nil),
            ("127.0.0.1:80", nil), ("[::1]", nil), ("", nil), ("127.0.0.1\0.example", nil), ("127.1", nil),
            (String(repeating: "0", count: 65), nil),
        ] as [(String, String?)])
    func peers(text: String, address: String?) {
        #expect(IPAddress(text)?.text == address)
    }
}
