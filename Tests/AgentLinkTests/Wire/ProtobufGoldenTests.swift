import Testing

@testable import AgentLink

/// The table of golden bytes at the end of agent-link-details.md.
@Suite("Protobuf golden bytes")
struct ProtobufGoldenTests {
    private func check(_ message: some ProtobufMessage & Equatable, _ hex: String) throws {
        #expect(message.protobuf() == bytes(hex))
        #expect(try type(of: message).init(protobuf: bytes(hex)) == message)
    }

    @Test(
        "tasks have the golden bytes, and their size is known before encoding",
        arguments: [
            (1, AgentTaskType.exec, #"{"cmd":"ls"}"#, "0801100f1a0c7b22636d64223a226c73227d"),
            (0, .keepalive, "", "1007"),
            (0, .terminal, #"{"StreamID":"stream-7"}"#, "10081a177b2253747265616d4944223a2273747265616d2d37227d"),
            ((1 << 32) + 1, .fsList, #"{"path":"/"}"#, "08818080801010101a0c7b2270617468223a222f227d"),
        ] as [(UInt64, AgentTaskType, String, String)])
    func tasks(id: UInt64, type: AgentTaskType, data: String, hex: String) throws {
        let task = AgentTask(id: id, type: type, data: data)
        try check(task, hex)
        #expect(task.encodedSize == bytes(hex).count)
    }

    @Test(
        "the size of a task is that of its encoding for every length of its numbers",
        arguments: [
            0, 1, 127, 128, 16_383, 16_384, 2_097_152,
        ])
    func taskSizes(length: Int) throws {
        for id in [0, 1, 127, 128, UInt64(1) << 32 + 1, .max] {
            let task = AgentTask(id: id, type: .cancel, data: String(repeating: "x", count: length))
            #expect(task.encodedSize == task.protobuf().count)
        }
    }

    @Test("a result has the golden bytes")
    func result() throws {
        let reply = AgentTaskReply(data: "", successful: true, delay: 1.5)
        try check(AgentTaskResult(id: 7, type: .tcpPing, reply: reply), "080710031d0000c03f2801")
        try check(AgentTaskResult(id: 0, type: .keepalive, reply: .init(data: "", successful: false)), "1007")
    }

    @Test("receipts have the golden bytes")
    func receipts() throws {
        try check(Receipt(isProcessed: true), "0801")
        try check(StartReceipt(startedAt: 1_700_000_000), "0880e2cfaa06")
    }

    @Test("stream data has the golden bytes")
    func streamData() throws {
        try check(IOStreamFrame(StreamAttachFrame.encode(streamID: "stream-7")), "0a0cff05ff0573747265616d2d37")
        try check(IOStreamFrame([]), "")
        let size = try #require(TerminalSize(columns: 80, rows: 24))
        try check(
            IOStreamFrame(TerminalFrame.resize(size).bytes), "0a16017b22436f6c73223a38302c22526f7773223a32347d")
    }

    @Test("a state has the golden bytes and survives the way there and back")
    func state() throws {
        var state = HostState()
        state.cpu = 12.5
        state.memUsed = 1024
        state.uptime = 60
        state.load1 = 0.5
        state.temperatures = [.init(name: "cpu", celsius: 50)]
        state.gpu = [1, 2]
        try check(
            state,
            """
            090000000000002940108008483c51000000000000e03f82010e0a036370751100000000000049408a0110000000000000f03f
            0000000000000040
            """)
    }

    @Test("a GeoIP report and its answer have the golden bytes")
    func geoIP() throws {
        try check(
            GeoIPMessage(GeoIPInfo(ipv4: "192.0.2.1", ipv6: "2001:db8::1"), use6: true),
            "080112180a093139322e302e322e31120b323030313a6462383a3a31")
        try check(GeoIPMessage(countryCode: "de", startedAt: 1_700_000_000), "1a0264652080e2cfaa06")
    }

    @Test("every field of a host and of a state survives the way there and back")
    func everyField() throws {
        let host = HostInfo(
            platform: "debian", platformVersion: "12", cpu: ["a", "b"], memTotal: 1, diskTotal: 2, swapTotal: 3,
            arch: "x86_64", virtualization: "kvm", bootTime: 4, version: "v2.1.0", gpu: ["g"])
        #expect(try HostInfo(protobuf: host.protobuf()) == host)
        let state = HostState.everyFieldSet
        #expect(try HostState(protobuf: state.protobuf()) == state)
    }
}

extension HostState {
    static var everyFieldSet: HostState {
        var state = HostState()
        state.cpu = 1.5
        state.memUsed = 2
        state.swapUsed = 3
        state.diskUsed = 4
        state.netInTransfer = 5
        state.netOutTransfer = 6
        state.netInSpeed = 7
        state.netOutSpeed = 8
        state.uptime = 9
        state.load1 = 10.5
        state.load5 = 11.5
        state.load15 = 12.5
        state.tcpConnCount = 13
        state.udpConnCount = 14
        state.processCount = 15
        state.temperatures = [.init(name: "t", celsius: 16.5)]
        state.gpu = [17.5]
        return state
    }
}
