import CCurl
import Transport

/// The thread on which all outgoing requests run, side by side in one multi handle of libcurl.
@safe
final class CurlThread: Sendable {
    static let shared = CurlThread(limit: 256)

    typealias Outcome = Result<OutboundClient.Answer, OutboundError>

    private enum Command {
        case begin(UInt64, OutboundClient.Request, OutboundURL, [SocketAddress], OneShot<Outcome>)
        case cancel(UInt64)
    }

    private struct State {
        var commands: [Command] = []
        /// Of requests so far: the last one's number.
        var count: UInt64 = 0
        /// Those that were taken on and are not over.
        var running = 0
    }

    private let state = Lock(State())
    private let limit: Int
    // Used on the thread alone, but for `ccurl_multi_wakeup`, which any thread may call; the pointer never changes and is
    // never freed, as the thread never ends. So sharing it is safe.
    private nonisolated(unsafe) let multi: UnsafeMutableRawPointer

    /// - Parameter limit: requests that run at a time.
    private init(limit: Int) {
        self.limit = limit
        // Whoever has a URL has found libcurl there, and it has parsed that: both fail only when there is no memory, which ends a
        // Swift program anyway.
        guard ccurl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK, let multi = unsafe ccurl_multi_init() else {
            preconditionFailure("libcurl does not start")
        }
        unsafe self.multi = unsafe multi
        startThreadSomeTime { self.serve() }
    }

    /// - Parameter addresses: those that may be connected to.
    func perform(
        _ request: OutboundClient.Request, at url: OutboundURL, on addresses: [SocketAddress]
    ) async throws(OutboundError) -> OutboundClient.Answer {
        let outcome = OneShot<Outcome>()
        let number: UInt64? = state.withLock { state in
            guard state.running < limit else { return nil }
            state.running += 1
            state.count += 1
            state.commands.append(.begin(state.count, request, url, addresses, outcome))
            return state.count
        }
        guard let number else { throw .busy }
        wake()
        let result = await outcome.wait(cancelled: .failure(.cancelled))
        if Task.isCancelled {
            state.withLock { $0.commands.append(.cancel(number)) }
            wake()
        }
        return try result.get()
    }

    private func wake() {
        // Fails only when memory or the pipe does; then the thread looks at the end of its wait.
        _ = unsafe ccurl_multi_wakeup(multi)
    }

    // MARK: On the thread

    private func serve() {
        var transfers: [UInt64: CurlTransfer] = [:]
        while true {
            let commands = state.withLock { state in
                defer { state.commands = [] }
                return state.commands
            }
            for command in commands { obey(command, &transfers) }
            var running: Int32 = 0
            _ = unsafe ccurl_multi_perform(multi, &running)
            finish(&transfers)
            // Ends earlier when something comes, a time limit is over, or somebody wakes it.
            _ = unsafe ccurl_multi_poll(multi, nil, 0, transfers.isEmpty ? 60_000 : 1000, nil)
        }
    }

    private func obey(_ command: Command, _ transfers: inout [UInt64: CurlTransfer]) {
        switch command {
        case .begin(let number, let request, let url, let addresses, let outcome):
            guard let transfer = CurlTransfer(request, at: url, on: addresses, outcome),
                unsafe ccurl_multi_add_handle(multi, transfer.easy) == CURLM_OK
            else {
                end(outcome, .failure(.failed("the request could not be begun")))
                return
            }
            transfers[number] = transfer
        case .cancel(let number):
            guard let transfer = transfers.removeValue(forKey: number) else { return }
            _ = unsafe ccurl_multi_remove_handle(multi, transfer.easy)
            end(transfer.outcome, .failure(.cancelled))
        }
    }

    /// Takes the transfers that are over off the multi handle.
    private func finish(_ transfers: inout [UInt64: CurlTransfer]) {
        var left: Int32 = 0
        while let message = unsafe ccurl_multi_info_read(multi, &left) {
            guard unsafe message.pointee.msg == CURLMSG_DONE, let easy = unsafe message.pointee.easy_handle else {
                continue
            }
            // The message lies in the handle: read before that is taken off.
            let code = unsafe message.pointee.data.result
            _ = unsafe ccurl_multi_remove_handle(multi, easy)
            guard let (number, transfer) = transfers.first(where: { unsafe $0.value.easy == easy }) else { continue }
            transfers[number] = nil
            end(transfer.outcome, transfer.result(code))
        }
    }

    private func end(_ outcome: OneShot<Outcome>, _ result: Outcome) {
        state.withLock { $0.running -= 1 }
        outcome.set(result)
    }
}
