import GRPC
import HTTP
import Testing

import struct FoundationEssentials.Date

@testable import AgentLink

@Suite("gRPC service: calls", .timeLimit(.minutes(5)))
struct ServiceCallTests {
    private func hostReport(_ client: LinkClient, _ metadata: HTTPFields) async throws -> UInt64 {
        let receipt: StartReceipt = try await client.call(
            .reportSystemInfo2, HostInfo(version: "2.1.0"), metadata)
        return receipt.startedAt
    }

    @Test("a host report is stored and answered with the start of the gateway")
    func hostReport() async throws {
        let directory = AgentDirectory()
        try await withLink(directory) { client, _ in
            #expect(try await hostReport(client, .agent(5)) == 1_700_000_000)
            let receipt: Receipt = try await client.call(.reportSystemInfo, HostInfo(), .agent(6))
            #expect(receipt.isProcessed)
        }
        let presence = await directory.presence(of: [5, 6, 7])
        #expect(presence[5]?.host?.version == "2.1.0")
        #expect(presence[6]?.host == HostInfo())
        #expect(presence[7] == nil)
    }

    @Test(
        "the hyphen form of the credentials wins when it is there, even blank",
        arguments: [
            (["client-secret": "s5"], true),
            (["client_secret": "s5"], true),
            (["client-secret": " s5 ", "client_secret": "wrong"], true),
            (["client-secret": " ", "client_secret": "s5"], false),
            (["client-secret": "wrong", "client_secret": "s5"], false),
            ([:], false),
        ] as [([String: String], Bool)])
    func credentials(metadata: [String: String], isAdmitted: Bool) async throws {
        let directory = AgentDirectory()
        try await withLink(directory) { client, _ in
            let metadata = HTTPFields(metadata.compactMap { HTTPField(name: .init(token: $0), value: $1) })
            if isAdmitted {
                _ = try await hostReport(client, metadata)
            } else {
                let error = await #expect(throws: GRPCStatus.self) { try await hostReport(client, metadata) }
                #expect(error?.code == .unauthenticated)
            }
        }
        #expect(directory.counters.snapshot.refusedCalls == (isAdmitted ? 0 : 1))
    }

    @Test(
        "refusals have their gRPC codes on every method",
        arguments: [
            (AgentRefusal.unauthenticated("no"), GRPCStatus.Code.unauthenticated), (.blocked, .permissionDenied),
            (.unavailable, .unavailable),
        ])
    func refusals(refusal: AgentRefusal, code: GRPCStatus.Code) async throws {
        try await withLink(authority: SecretAuthority(refusal: refusal)) { client, _ in
            let unary = await #expect(throws: GRPCStatus.self) { try await hostReport(client, .agent(1)) }
            #expect(unary?.code == code)
            let tasks = try await client.openTasks(.agent(1)).status.value()
            let states = try await client.openStates(.agent(1)).status.value()
            let io = try await client.openIO(.agent(1)).status.value()
            #expect([tasks?.code, states?.code, io?.code] == [code, code, code])
        }
    }

    @Test("a GeoIP report is answered with country and start, without addresses")
    func geoIP() async throws {
        let directory = AgentDirectory()
        try await withLink(directory) { client, _ in
            func report(_ ipv4: String, _ ipv6: String, use6: Bool, _ server: Int) async throws -> GeoIPMessage {
                let message = GeoIPMessage(GeoIPInfo(ipv4: ipv4, ipv6: ipv6), use6: use6)
                let metadata = HTTPFields.agent(server, [("x-real-ip", "2001:db8::1")])
                return try await client.call(.reportGeoIP, message, metadata)
            }
            let answer = try await report("192.0.2.1", "2001:db8::1", use6: false, 1)
            #expect(answer == GeoIPMessage(countryCode: "is", startedAt: 1_700_000_000))
            #expect(try await report("192.0.2.1", "2001:db8::1", use6: true, 2).countryCode == "no")
            #expect(try await report("", "2001:db8::1", use6: false, 3).countryCode == "no")
            #expect(try await report("203.0.113.1", "", use6: true, 4).countryCode == "")
            #expect(try await report("", "", use6: false, 5).countryCode == "no")
        }
        let presence = await directory.presence(of: [1, 5])
        #expect(presence[1]?.geoIP == GeoIPInfo(ipv4: "192.0.2.1", ipv6: "2001:db8::1", countryCode: "is"))
        // The link's own address goes into the field of its family.
        #expect(presence[5]?.geoIP == GeoIPInfo(ipv6: "2001:db8::1", countryCode: "no"))
    }
}

@Suite("gRPC service: streams", .timeLimit(.minutes(5)))
struct ServiceStreamTests {
    @Test("each state has its receipt, and the end of the stream shows at once")
    func states() async throws {
        let directory = AgentDirectory()
        try await withLink(directory) { client, _ in
            let exchange = client.openStates(.agent(1))
            for cpu in 1...3 {
                var state = HostState()
                state.cpu = Double(cpu)
                try await exchange.send(state)
                #expect(try await exchange.received.next()?.isProcessed == true)
            }
            let presence = await directory.presence(of: [1])[1]
            #expect(presence?.state?.cpu == 3)
            #expect(presence?.isOnline(at: Date()) == true)
            exchange.halfClose()
            #expect(try await exchange.status.value() == nil)
            #expect(await directory.presence(of: [1])[1]?.lastActive == nil)
        }
    }

    @Test("a newer stream ends the older one with the text of the contract")
    func supersede() async throws {
        let directory = AgentDirectory()
        try await withLink(directory) { client, _ in
            let oldStates = client.openStates(.agent(1))
            try await oldStates.send(HostState())
            _ = try await oldStates.received.next()
            let newStates = client.openStates(.agent(1))
            #expect(try await oldStates.status.value()?.message == "state stream superseded")

            let oldTasks = client.openTasks(.agent(1))
            try await eventually { directory.attachedCount == 1 }
            let newTasks = client.openTasks(.agent(1))
            #expect(try await oldTasks.status.value()?.message == "request task stream superseded")
            try await newStates.send(HostState())
            #expect(try await newStates.received.next()?.isProcessed == true)
            try await directory.send(.upgrade, id: AgentTaskID.next(), body: "", to: 1)
            #expect(try await newTasks.received.next()?.type == 6)
        }
    }

    @Test(
        "extensions are answered at once in the initial metadata, and only those both sides know",
        arguments: [
            ("cancel", "cancel"), ("other, cancel", "cancel"), ("other", nil),
        ] as [(String, String?)])
    func extensions(offered: String, answered: String?) async throws {
        let directory = AgentDirectory()
        try await withLink(directory) { client, _ in
            let exchange = client.openTasks(.agent(1, [("nezha-gateway-extensions", offered)]))
            let metadata = try await exchange.metadata.value()
            #expect(metadata[.init(token: "nezha-gateway-extensions")] == answered)
            try await eventually { directory.attachedCount == 1 }
            #expect(try await directory.link(to: 1).canCancel == (answered != nil))
        }
    }

    @Test("a task goes out, its result comes back, and a half-close ends the stream")
    func task() async throws {
        let directory = AgentDirectory()
        try await withLink(directory) { client, _ in
            let exchange = client.openTasks(.agent(1))
            try await eventually { directory.attachedCount == 1 }
            let link = try await directory.link(to: 1)
            async let reply = link.call(.exec, body: ExecTask(cmd: "ls").jsonText(), timeout: .seconds(5))
            let task = try #require(try await exchange.received.next())
            #expect(task.data == #"{"cmd":"ls"}"#)
            try await exchange.send(
                AgentTaskResult(id: task.id, type: .exec, reply: .init(data: "{}", successful: true, delay: 2)))
            #expect(try await reply.delay == 2)
            exchange.halfClose()
            #expect(try await exchange.status.value() == nil)
            try await eventually { directory.attachedCount == 0 }
        }
    }

    @Test("an attached agent gets keep-alives, whose answers are ignored")
    func keepalive() async throws {
        var configuration = AgentLinkConfiguration()
        configuration.taskKeepalive = .milliseconds(20)
        let directory = AgentDirectory(configuration: configuration)
        try await withLink(directory) { client, _ in
            let exchange = client.openTasks(.agent(1))
            for _ in 0..<3 {
                let task = try #require(try await exchange.received.next())
                #expect(task == AgentTask(id: 0, type: .keepalive, data: ""))
                try await exchange.send(
                    AgentTaskResult(id: 0, type: .keepalive, reply: .init(data: "", successful: false)))
            }
            #expect(directory.counters.snapshot.unknownResults == 0)
        }
    }

    @Test("forged or late agent results: a result on another agent's stream is dropped and counted")
    func forged() async throws {
        let directory = AgentDirectory()
        try await withLink(directory) { client, _ in
            let agent = client.openTasks(.agent(1))
            let stranger = client.openTasks(.agent(2))
            try await eventually { directory.attachedCount == 2 }
            let link = try await directory.link(to: 1)
            async let reply = link.call(.exec, body: "", timeout: .seconds(5))
            let task = try #require(try await agent.received.next())
            try await stranger.send(
                AgentTaskResult(id: task.id, type: .exec, reply: .init(data: "forged", successful: true)))
            try await eventually { directory.counters.snapshot.lateResults == 1 }
            try await agent.send(
                AgentTaskResult(id: task.id, type: .exec, reply: .init(data: "true", successful: true)))
            #expect(try await reply.data == "true")
        }
    }

    @Test("a deleted server's streams end, and so do all at the shutdown")
    func ends() async throws {
        let directory = AgentDirectory()
        try await withLink(directory) { client, _ in
            let tasks = client.openTasks(.agent(1))
            let states = client.openStates(.agent(1))
            try await states.send(HostState())
            _ = try await states.received.next()
            try await eventually { directory.attachedCount == 1 }
            await directory.disconnect(server: 1, detach: true)
            #expect(try await tasks.status.value()?.code == .failedPrecondition)
            #expect(try await states.status.value()?.code == .failedPrecondition)

            let other = client.openTasks(.agent(2))
            try await eventually { directory.attachedCount == 1 }
            directory.shutdown()
            #expect(try await other.status.value()?.code == .unavailable)
            #expect(try await client.openTasks(.agent(3)).status.value()?.code == .unavailable)
        }
    }

    @Test("the loss of the connection ends every stream")
    func connectionLost() async throws {
        let directory = AgentDirectory()
        try await withLink(directory) { client, server in
            let tasks = client.openTasks(.agent(1))
            let states = client.openStates(.agent(1))
            try await states.send(HostState())
            _ = try await states.received.next()
            try await eventually { directory.attachedCount == 1 }
            let io = try await client.openIO(.agent(1))
            _ = try await io.metadata.value()
            await server.loseConnection()
            _ = try await tasks.status.value()
            _ = try await states.status.value()
            _ = try await io.status.value()
            try await eventually { directory.attachedCount == 0 }
        }
    }
}
