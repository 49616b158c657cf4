package import GRPC
import HTTP
package import Transport

package import struct FoundationEssentials.Date

/// The gRPC service `proto.NezhaService` (`agent-link.md` 1).
///
/// It admits agents through the authority and feeds the directory; until then no message of a call is looked at. Its
/// streams live as long as the agents keep them; they end at ``AgentDirectory/shutdown()``, and when their connection is
/// lost. All of it runs on the loop of the call's connection.
package struct AgentLinkService: GRPCService {
    private let directory: AgentDirectory
    private let gate: AgentGate
    private let reports: ReportAnswers

    /// An agent and its session, which is made at its first call.
    struct Admitted: Sendable {
        var identity: AgentIdentity
        var session: AgentSession
        /// The address of the connection.
        var peer: String?

        var owner: ConnectionOwner { .agent(identity.serverID) }
    }

    /// - Parameters:
    ///   - countries: finds the country of a reported address.
    ///   - startedAt: told to the agents, which report everything anew when it changes.
    package init(
        directory: AgentDirectory, authority: any AgentAuthority, countries: any CountryLookup = NoCountryLookup(),
        startedAt: Date = Date()
    ) {
        self.directory = directory
        gate = AgentGate(authority: authority, counters: directory.counters, refusals: directory.refusals)
        reports = ReportAnswers(countries: countries, startedAt: UInt64(max(0, startedAt.timeIntervalSince1970)))
    }

    package func handler(for call: GRPCServerCall, on loop: isolated EventLoop) -> (any GRPCServerHandler)? {
        guard let method = NezhaMethod(path: call.path) else { return nil }
        let admit = admission(of: call)
        switch method {
        case .reportSystemInfo, .reportSystemInfo2, .reportGeoIP:
            return GRPCUnaryHandler(call, on: loop, admit: admit, owner: \.owner) { [reports] agent, message in
                try reports.answer(method, message, of: agent)
            }
        case .reportSystemState:
            return AdmittedCall(call, on: loop, admit: admit) { agent throws(GRPCStatus) in
                try StateCall(of: agent.session)
            }
        case .requestTask:
            let names = call.metadata[values: .extensions].joined(separator: ",")
            let extensions = AgentExtensions(header: names).intersection(.known)
            return AdmittedCall(call, on: loop, admit: admit) { [directory] agent throws(GRPCStatus) in
                try TaskCall(of: agent.session, extensions, in: directory)
            }
        case .ioStream:
            return AdmittedCall(call, on: loop, admit: admit) { [directory] agent in
                IOStreamCall(of: agent.identity.serverID, in: directory)
            }
        }
    }

    /// - Returns: what finds out who calls; it throws the ``GRPCStatus`` of the refusal.
    private func admission(of call: GRPCServerCall) -> @Sendable () async throws -> Admitted {
        { [gate, directory, metadata = call.metadata, peer = call.peer] in
            let identity = try await gate.admit(metadata, peer: peer)
            do {
                return Admitted(identity: identity, session: try directory.session(of: identity.serverID), peer: peer)
            } catch let end as AgentStreamEnd {
                throw GRPCStatus(end)
            }
        }
    }
}
