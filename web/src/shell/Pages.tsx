// Address to page; each page is a bundle of its own.
import { Spin } from "antd";
import { lazy, Suspense } from "react";
import { Route, Routes } from "react-router-dom";
import { NotFound } from "./NotFound";

const TodayPage = lazy(() => import("../pages/today/TodayPage"));
const SearchPage = lazy(() => import("../pages/search/SearchPage"));
const FlowsPage = lazy(() => import("../pages/flows/FlowsPage"));
const RegistryHome = lazy(() => import("../pages/registry/RegistryHome"));
const RegistryList = lazy(() => import("../pages/registry/RegistryList"));
const RegistryRecord = lazy(() => import("../pages/registry/RegistryRecord"));
const RegistryForm = lazy(() => import("../pages/registry/RegistryForm"));
const RegistryImport = lazy(() => import("../pages/registry/RegistryImport"));
const DeskPage = lazy(() => import("../pages/admission/DeskPage"));
const ChangesPage = lazy(() => import("../pages/changes/ChangesPage"));
const ChangePage = lazy(() => import("../pages/changes/ChangePage"));
const AddressesPage = lazy(() => import("../pages/addresses/AddressesPage"));
const FindingsPage = lazy(() => import("../pages/findings/FindingsPage"));
const FindingPage = lazy(() => import("../pages/findings/FindingPage"));
const ClausesPage = lazy(() => import("../pages/clauses/ClausesPage"));
const ClausePage = lazy(() => import("../pages/clauses/ClausePage"));
const DutiesPage = lazy(() => import("../pages/duties/DutiesPage"));
const SystemPage = lazy(() => import("../pages/system/SystemPage"));

export function Pages() {
  return (
    <Suspense fallback={<Spin className="page-wait" />}>
      <Routes>
        <Route path="/" element={<TodayPage />} />
        <Route path="/search" element={<SearchPage />} />
        <Route path="/flows" element={<FlowsPage />} />
        <Route path="/registry" element={<RegistryHome />} />
        <Route path="/registry/import" element={<RegistryImport />} />
        <Route path="/registry/:kind" element={<RegistryList />} />
        <Route path="/registry/:kind/new" element={<RegistryForm />} />
        <Route path="/registry/:kind/import" element={<RegistryImport />} />
        <Route path="/registry/:kind/:id" element={<RegistryRecord />} />
        <Route path="/registry/:kind/:id/edit" element={<RegistryForm />} />
        <Route path="/admission" element={<DeskPage />} />
        <Route path="/changes" element={<ChangesPage />} />
        <Route path="/changes/:id" element={<ChangePage />} />
        <Route path="/addresses" element={<AddressesPage />} />
        <Route path="/findings" element={<FindingsPage />} />
        <Route path="/findings/:id" element={<FindingPage />} />
        <Route path="/clauses" element={<ClausesPage />} />
        <Route path="/clauses/one" element={<ClausePage />} />
        <Route path="/duties" element={<DutiesPage />} />
        <Route path="/system" element={<SystemPage />} />
        <Route path="*" element={<NotFound />} />
      </Routes>
    </Suspense>
  );
}
