@testable import Transport

/// Both ends of a TLS connection in memory.
struct TLSEnds {
    let server: TLSSession
    let client: TLSSession
    var serverStep = TLSSession.Step.incomplete
    var clientStep = TLSSession.Step.incomplete

    init(server: TLSContext, client: TLSContext, host: String = "gateway.test") {
        self.server = TLSSession(server: server)
        self.client = TLSSession(client: client, host: host)
    }

    /// Carries bytes to and fro until neither end has any.
    func carry() -> Bool {
        let (toServer, toClient) = (client.output(), server.output())
        server.receive(toServer.span)
        client.receive(toClient.span)
        return !toServer.isEmpty || !toClient.isEmpty
    }

    mutating func shakeHands() {
        repeat {
            if clientStep == .incomplete { clientStep = client.shakeHands() }
            if serverStep == .incomplete { serverStep = server.shakeHands() }
        } while carry()
    }
}
