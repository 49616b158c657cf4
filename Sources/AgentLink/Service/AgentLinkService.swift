public import GRPCCore

public import struct Foundation.Date

/// The gRPC service `proto.NezhaService` (`agent-link.md` 1), for a `GRPCServer` of any transport.
///
/// It admits agents through the authority and feeds the directory. Its streams live as long as the agents keep them;
/// they end when the transport begins a graceful shutdown, and at ``AgentDirectory/shutdown()``.
public struct AgentLinkService: RegistrableRPCService {
    private let handlers: NezhaService

    /// - Parameters:
    ///   - countries: finds the country of a reported address.
    ///   - startedAt: told to the agents, which report everything anew when it changes.
    public init(
        directory: AgentDirectory, authority: any AgentAuthority, countries: any CountryLookup = NoCountryLookup(),
        startedAt: Date = Date()
    ) {
        handlers = NezhaService(
            directory: directory,
            gate: AgentGate(authority: authority, counters: directory.counters, refusals: directory.refusals),
            countries: countries, bootTime: UInt64(max(0, startedAt.timeIntervalSince1970)))
    }

    public func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        handlers.registerMethods(with: &router)
        // In place of the generated codec, which copies each frame three times more.
        router.registerHandler(
            forMethod: Proto_NezhaService.Method.IOStream.descriptor, deserializer: IOStreamFrameCodec(),
            serializer: IOStreamFrameCodec()
        ) { [handlers] request, context in
            try await handlers.ioStream(request: request, context: context)
        }
    }
}
