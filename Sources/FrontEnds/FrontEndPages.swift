package import HTTP
import Primitives
package import Settings
import Transport

/// Serves the front ends: the administrators' below `/dashboard/`, the users' everywhere else (`front-ends.md`).
///
/// Files are read on threads of their own. Nothing is kept between requests, so that a front end which was installed is
/// there at once.
package struct FrontEndPages: Sendable {
    private let templates: TemplateStore
    private let settings: any SettingsStore
    private let threads: WorkerPool<Void>

    package init(templates: TemplateStore, settings: any SettingsStore) {
        self.templates = templates
        self.settings = settings
        threads = WorkerPool(threads: 4, limit: 4096) { () }
    }

    /// What there is, in the order of the names.
    /// - Returns: `nil` while too many wait for the disk.
    /// - Throws: `CancellationError`.
    package func installed() async throws -> [InstalledTemplate]? {
        let templates = self.templates
        do { return try await threads.run { _ in templates.list() } } catch is WorkerPoolError { return nil }
    }

    /// Answers whatever lies below `/dashboard`.
    package func answerAdmin(_ request: InboundRequest) async -> OutboundResponse {
        let path = request.path
        let top = "/dashboard/"
        guard path.utf8.starts(with: top.utf8) else {
            let page = "<!doctype html><title>Moved</title><a href=\"\(top)\">It is here.</a>\n"
            return OutboundResponse(
                head: HTTPResponse(
                    status: .movedPermanently, headerFields: [.location: top, .contentType: MediaType.page]),
                body: .bytes(Array(page.utf8)))
        }
        let below = path.dropFirst(top.count)
        return await answer(
            request, below, settings.shared.value.adminTemplate, isAdmin: true, isPage: PageRules.isAdminPage(below))
    }

    /// Answers every other path.
    package func answerUser(_ request: InboundRequest) async -> OutboundResponse {
        let path = request.path
        let below = path.utf8.first == UInt8(ascii: "/") ? path.dropFirst() : path
        return await answer(
            request, below, settings.shared.value.userTemplate, isAdmin: false, isPage: PageRules.isUserPage(path))
    }

    private func answer(
        _ request: InboundRequest, _ path: Substring, _ template: String, isAdmin: Bool, isPage: Bool
    ) async -> OutboundResponse {
        guard PagePath.isWellFormed(path) else { return .text(.badRequest, "400 Bad Request") }
        // A setting that is no name leads to no folder.
        let name = TemplateName(template)?.description ?? ".none"
        let lookup = PageLookup(
            root: templates.folder + "/" + name, path: path, indexStatus: isPage ? .ok : .notFound, isAdmin: isAdmin,
            head: request.head)
        let answer: PageAnswer
        do {
            answer = try await threads.run { _ in lookup.answer() }
        } catch {
            return .text(.serviceUnavailable, "busy", fields: [.retryAfter: "1"])
        }
        switch answer.content {
        case .none: return OutboundResponse(head: answer.head)
        case .bytes(let bytes): return OutboundResponse(head: answer.head, body: .bytes(bytes))
        case .broken: return .text(.internalServerError, "500 Internal Server Error")
        case .file(let page):
            let threads = self.threads
            return OutboundResponse(
                head: answer.head,
                body: .stream(length: Int64(page.part.count)) { write in
                    var offset = page.part.lowerBound
                    while offset < page.part.upperBound {
                        let start = offset
                        let piece = try await threads.run { _ in try page.piece(at: start) }
                        // A file that is another one by now: the connection ends, so that nobody takes it for whole.
                        guard !piece.isEmpty else { throw SystemCallError(code: 0) }
                        try await write(piece)
                        offset += piece.count
                    }
                })
        }
    }
}
