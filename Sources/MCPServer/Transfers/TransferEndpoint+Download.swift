import AgentLink
import HTTP
import JSON
import Secrets

extension TransferEndpoint {
    /// The file is fetched and verified first, then sent: so the status can be trusted (`mcp.md` 7.5).
    ///
    /// Until there is something to send, the call belongs to the surrounding task, whose cancellation ends it; then to the
    /// response's body, which always comes.
    func download(_ request: InboundRequest, _ token: String) async throws -> OutboundResponse {
        var admission = try await admit(request, token, .download) { () async throws(TransferFault) in
            guard let reservation = await space.reserve(Int(TransferFrame.maxSize)) else {
                throw busy("no room for the transfer")
            }
            return reservation
        }
        let answer = SpooledAnswer(directory: configuration.spoolDirectory, reservation: admission.needs)
        admission.call.body = ToolBody(answer: answer)
        let running = Task { [admission] in
            let result = await invoke(admission, admission.grant.arguments())
            answer.end()
            return result
        }
        let whole = await withTaskCancellationHandler {
            await answer.beginning()
        } onCancel: {
            running.cancel()
        }
        guard let whole else {
            var fault = TransferFault((await running.value).failure ?? .cancelled(.clientGone))
            if answer.hasFailed { fault.status = .internalServerError }
            throw fault
        }
        var fields = TransferFields.download(path: admission.grant.path)
        fields[HTTPField.Name(token: "X-Content-SHA256")] = Hex.encode(whole.sha256)
        return OutboundResponse(
            head: HTTPResponse(status: .ok, headerFields: fields),
            body: .stream(length: Int64(whole.size)) { write in
                try await withTaskCancellationHandler {
                    do {
                        try await answer.write(to: write)
                    } catch {
                        running.cancel()
                        _ = await running.value
                        throw error
                    }
                    if let failure = await running.value.failure { throw failure }
                } onCancel: {
                    running.cancel()
                }
            })
    }

    /// The head of a download: the agent is asked for the file, and let go as soon as it has told the size.
    func describe(_ request: InboundRequest, _ token: String) async throws -> OutboundResponse {
        let admission = try await admitLook(request, token)
        let output = try await invoke(admission, admission.grant.arguments(isLook: true)).get()
        let head = HTTPResponse(status: .ok, headerFields: TransferFields.download(path: admission.grant.path))
        // A length without content; the listener sends none for HEAD anyway.
        return OutboundResponse(head: head, body: .stream(length: output["size"]?.int64Value) { _ in })
    }

    /// Calls the tool; its place is free afterwards.
    func invoke<Needs>(
        _ admission: Admission<Needs>, _ arguments: JSONObject
    ) async -> Result<JSONValue, ToolFailure> {
        defer { admission.slot.release() }
        return await registry.invoke(
            admission.grant.direction.subject, arguments: .object(arguments), call: admission.call)
    }
}
